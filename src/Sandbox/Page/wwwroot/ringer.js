// Plays a ringtone with WebAudio every three seconds while a phone rings. The sound is off until the user turns it on.
export class Ringer {
  #button;
  #audio = null;
  #on = false;
  #ringing = false;
  #timer = null;

  constructor(button) {
    this.#button = button;
    button.addEventListener('click', () => this.#turn(!this.#on));
  }

  update(ringing) {
    if (ringing === this.#ringing) return;
    this.#ringing = ringing;
    this.#follow();
  }

  #turn(on) {
    this.#on = on;
    this.#audio ??= new AudioContext();
    if (on) this.#audio.resume();
    this.#button.setAttribute('aria-pressed', String(on));
    this.#button.textContent = on ? 'Sound on' : 'Sound off';
    this.#follow();
  }

  #follow() {
    const due = this.#on && this.#ringing;
    if (due && this.#timer === null) {
      this.#ring();
      this.#timer = setInterval(() => this.#ring(), 3000);
    } else if (!due && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #ring() {
    const now = this.#audio.currentTime;
    for (const at of [0, 0.45]) {
      for (const pitch of [440, 480]) {
        const tone = this.#audio.createOscillator();
        const volume = this.#audio.createGain();
        tone.frequency.value = pitch;
        volume.gain.setValueAtTime(0, now + at);
        volume.gain.linearRampToValueAtTime(0.08, now + at + 0.03);
        volume.gain.setValueAtTime(0.08, now + at + 0.3);
        volume.gain.linearRampToValueAtTime(0, now + at + 0.35);
        tone.connect(volume).connect(this.#audio.destination);
        tone.start(now + at);
        tone.stop(now + at + 0.4);
      }
    }
  }
}
