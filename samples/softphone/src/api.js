// Calls' REST API, with the user's bearer. The bearer is kept in memory and nowhere else.
export class Api {
  #bearer;

  constructor(bearer) { this.#bearer = bearer; }

  token() { return this.#ask('POST', '/v1/tokens'); }
  add(session, phoneNumber, label) {
    // The same key, should the request be sent again: the phone is rung once.
    return this.#ask('POST', `${this.#path(session)}/participants`, { phoneNumber, label: label || null }, { 'Idempotency-Key': `"${crypto.randomUUID()}"` });
  }
  change(session, participant, what) { return this.#ask('PATCH', `${this.#path(session)}/participants/${encodeURIComponent(participant)}`, what); }
  remove(session, participant) { return this.#ask('DELETE', `${this.#path(session)}/participants/${encodeURIComponent(participant)}`); }
  end(session) { return this.#ask('DELETE', this.#path(session)); }

  // The session as it is and as it changes, until it is over. An EventSource cannot send a bearer, so the stream is read by hand.
  async *follow(session, signal) {
    let seen = null;
    while (!signal.aborted) {
      try {
        const answer = await fetch(`${this.#path(session)}/events`, { signal, headers: { Authorization: `Bearer ${this.#bearer}`, Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': seen }) } });
        if (answer.status === 204 || answer.status === 401) return;
        if (answer.ok) {
          let rest = '';
          for await (const chunk of pieces(answer.body.pipeThrough(new TextDecoderStream()))) {
            const events = (rest + chunk).split('\n\n');
            rest = events.pop();
            for (const event of events) {
              const fields = Object.fromEntries(event.split('\n').map(line => line.split(/: ?(.*)/s)));
              if (!fields.data) continue;
              seen = fields.id;
              yield JSON.parse(fields.data);
            }
          }
        }
      } catch (error) {
        if (signal.aborted) return;
      }
      // Not there yet (a call takes a moment to be known), or cut off: ask again.
      await new Promise(done => setTimeout(done, 500));
    }
  }

  #path(session) { return `/v1/sessions/${encodeURIComponent(session)}`; }

  async #ask(method, path, body, headers = {}) {
    const answer = await fetch(path, {
      method,
      headers: { Authorization: `Bearer ${this.#bearer}`, ...(body && { 'Content-Type': 'application/json' }), ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    const json = text ? JSON.parse(text) : null;
    if (!answer.ok) throw new Error(json?.errors ? Object.entries(json.errors).map(([field, why]) => `${field} ${why}`).join('; ') : json?.detail ?? json?.title ?? `Calls answered ${answer.status}.`);
    return json;
  }
}

async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}
