// The REST API of Calls, used with the user's token. The token is kept only in memory.
export class Api {
  #bearer;

  constructor(bearer) { this.#bearer = bearer; }

  token() { return this.#ask('POST', '/v1/tokens'); }
  // A number begins with a plus sign, a digit or a bracket. Anything else is the identity of an app user.
  add(session, whom, label) {
    const person = /^[+\d(]/.test(whom.trim()) ? { phoneNumber: whom } : { identity: whom.trim() };
    // If the browser sends the request again, the key is the same, and the phone rings only once.
    const headers = { 'Idempotency-Key': `"${crypto.randomUUID()}"` };
    return this.#ask('POST', `${this.#path(session)}/participants`, { ...person, label: label || null }, headers);
  }
  change(session, participant, flags) {
    return this.#ask('PATCH', `${this.#path(session)}/participants/${encodeURIComponent(participant)}`, flags);
  }
  remove(session, participant) {
    return this.#ask('DELETE', `${this.#path(session)}/participants/${encodeURIComponent(participant)}`);
  }
  end(session) { return this.#ask('DELETE', this.#path(session)); }

  // The session now and after each change, until it is over. EventSource cannot send a token, so the stream is read with fetch.
  async *follow(session, signal) {
    let seen = null;
    while (!signal.aborted) {
      try {
        const headers = { Authorization: `Bearer ${this.#bearer}`, Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': seen }) };
        const answer = await fetch(`${this.#path(session)}/events`, { signal, headers });
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
      // The session is not known yet, or the connection was lost: try again.
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
    if (!answer.ok) throw new Error(explain(json) ?? `Calls answered ${answer.status}.`);
    return json;
  }
}

function explain(problem) {
  if (problem?.errors) return Object.entries(problem.errors).map(([field, why]) => `${field} ${why}`).join('; ');
  return problem?.detail ?? problem?.title;
}

async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}
