// A line places and receives calls. Both classes have the same methods (call, answer, decline, hangUp) and send a 'change' event
// with { state: 'idle' | 'calling' | 'ringing' | 'talking', session, caller }, and a 'trouble' event with the text of an error.
// Calls sends the session id and the caller with an incoming call, as the parameters SessionID and CallerIdentity.

// A line with Twilio's Voice SDK and an access token from Calls.
export class TwilioLine extends EventTarget {
  #device;
  #call = null;

  static async open(client) {
    const { Device } = await import('@twilio/voice-sdk');
    const line = new TwilioLine();
    const tokens = client.tokens();
    const device = new Device((await tokens.next()).value.token, { closeProtection: true });
    line.#renew(device, tokens);
    device.on('incoming', call =>
      line.#take(call, 'ringing', call.customParameters.get('SessionID'), call.customParameters.get('CallerIdentity')));
    device.on('error', error => line.dispatchEvent(new CustomEvent('trouble', { detail: `${error.code ?? ''} ${error.message}`.trim() })));
    await device.register();
    line.#device = device;
    return line;
  }

  async call(to, session) {
    this.#take(await this.#device.connect({ params: { To: to, SessionID: session } }), 'calling', session);
  }

  answer() { this.#call?.accept(); }
  decline() { this.#call?.reject(); }
  hangUp() { this.#call?.disconnect(); }

  // Each next token comes before the last one expires.
  async #renew(device, tokens) {
    try {
      for await (const { token } of tokens) device.updateToken(token);
    } catch (error) {
      this.dispatchEvent(new CustomEvent('trouble', { detail: error.message }));
    }
  }

  #take(call, state, session = null, caller = null) {
    this.#call = call;
    const say = now => this.dispatchEvent(new CustomEvent('change', { detail: { state: now, session, caller } }));
    const over = () => { if (this.#call === call) { this.#call = null; say('idle'); } };
    call.on('accept', () => say('talking'));
    for (const end of ['disconnect', 'cancel', 'reject']) call.on(end, over);
    call.on('error', error => this.dispatchEvent(new CustomEvent('trouble', { detail: `${error.code} ${error.message}` })));
    say(state);
  }
}

// A line of the sandbox. Its emulated Twilio has no signalling server, so this class uses the phones of the sandbox by HTTP, without sound.
export class SandboxLine extends EventTarget {
  #phone;
  #last = '';

  static async open(identity) {
    const line = new SandboxLine();
    line.#phone = `/phones/${encodeURIComponent(`client:${identity}`)}`;
    const states = { idle: 'idle', calling: 'calling', ringing: 'ringing', waiting: 'calling', talking: 'talking' };
    new EventSource('/sandbox/events').addEventListener('state', event => {
      const mine = JSON.parse(event.data).phones.find(phone => phone.address === `client:${identity}`);
      const detail = { state: states[mine?.state] ?? 'idle', session: mine?.session ?? null, caller: mine?.caller ?? null };
      if (JSON.stringify(detail) === line.#last) return;
      line.#last = JSON.stringify(detail);
      line.dispatchEvent(new CustomEvent('change', { detail }));
    });
    return line;
  }

  call(to, session) { return this.#act(`call?to=${encodeURIComponent(to)}&session=${encodeURIComponent(session)}`); }
  answer() { return this.#act('answer'); }
  decline() { return this.#act('decline'); }
  hangUp() { return this.#act('hang-up'); }

  async #act(act) {
    const answer = await fetch(`${this.#phone}/${act}`, { method: 'POST' });
    if (!answer.ok) this.dispatchEvent(new CustomEvent('trouble', { detail: (await answer.text()).trim() }));
  }
}
