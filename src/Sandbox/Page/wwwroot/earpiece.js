// Plays what a waiting caller hears: the ringback, the busy tone or the reorder tone, as the service has them (/twilio/…/*.wav).
// The sound is off until the user turns it on.
export class Earpiece {
  #button;
  #audio;
  #heard = null;

  constructor(button, audio) {
    this.#button = button;
    this.#audio = audio;
    button.addEventListener('click', () => this.#play());
  }

  // The address of the sound, or null.
  update(heard) {
    if (heard === this.#heard) return;
    this.#heard = heard;
    this.#play();
  }

  #play() {
    const on = this.#button.getAttribute('aria-pressed') === 'true';
    if (!on || this.#heard === null) {
      this.#audio.pause();
      return;
    }
    this.#audio.src = this.#heard;
    this.#audio.loop = this.#heard.endsWith('/ringback.wav');
    this.#audio.play().catch(() => {});
  }
}

// The path of the tone that the phone hears, or null.
export function toneOf(phone) {
  if (phone.state !== 'waiting' || !phone.sound || phone.sound.startsWith('"')) return null;
  const path = new URL(phone.sound, location.href).pathname;
  return /^\/twilio\/(tones|wait)\/\w+\.wav$/.test(path) ? path : null;
}
