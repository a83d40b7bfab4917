/** An answer of the service that is no success. */
export class CallsError extends Error {
    name = 'CallsError';
    /** The HTTP status. */
    status;
    /** The stable code of the problem, such as `no-such-session`. Null if the answer was no problem detail, as of a proxy. */
    code;
    /** When to ask again, in seconds. Null if the service has not said so. */
    retryAfter;
    problem;
    constructor(status, problem, retryAfter) {
        super(sentenceOf(status, problem));
        this.status = status;
        this.code = problem.code ?? null;
        this.retryAfter = retryAfter;
        this.problem = problem;
    }
}
/** A connection without an event or a heartbeat for this long is dead. The service sends a heartbeat every 15 s. */
const silence = 45_000;
const firstPause = 500;
const longestPause = 10_000;
/** Before a token expires, in milliseconds. */
const renewBefore = 180_000;
export class CallsClient {
    #baseUrl;
    #bearer;
    #fetch;
    constructor({ baseUrl = '', bearer, fetch: own }) {
        this.#baseUrl = baseUrl.replace(/\/+$/, '');
        this.#bearer = bearer;
        this.#fetch = own ?? ((...request) => fetch(...request));
    }
    /** A Twilio Voice access token for the bearer's own identity. An app on a mobile platform names it, for push messages. */
    async token({ platform, signal } = {}) {
        return this.#json('POST', '/v1/tokens', { body: platform && { platform }, signal });
    }
    /** A token now, and the next one three minutes before each expires. A failed renewal is repeated, unless the service refuses it. */
    async *tokens({ platform, signal } = {}) {
        let token = await this.token({ ...(platform && { platform }), ...(signal && { signal }) });
        while (!signal?.aborted) {
            yield token;
            const life = Date.parse(token.expiresAt) - Date.now();
            if (!await pause(Math.max(life - renewBefore, life / 2), signal))
                return;
            for (let wait = firstPause;; wait = longer(wait)) {
                try {
                    token = await this.token({ ...(platform && { platform }), ...(signal && { signal }) });
                    break;
                }
                catch (error) {
                    if (signal?.aborted)
                        return;
                    if (isFinal(error))
                        throw error;
                    if (!await pause(wait, signal))
                        return;
                }
            }
        }
    }
    /** The session now. 404 until Twilio's first webhook has reached the service. */
    async session(id, { signal } = {}) {
        return this.#json('GET', pathOf(id), { signal });
    }
    /** The session now, and again after each change, until the call is over. It reconnects when the connection is lost. */
    async *follow(id, options = {}) {
        const { signal, patience = 30_000, pollEvery = canStream() ? null : 1000 } = options;
        let seen = null;
        let lastKnown = Date.now();
        let wait = firstPause;
        let refused = false;
        let isKnownOver = false;
        while (!signal?.aborted) {
            let asked = null;
            try {
                const none = () => { isKnownOver = true; };
                for await (const session of pollEvery ? this.#poll(id, signal) : this.#stream(id, seen, none, signal)) {
                    wait = firstPause;
                    refused = false;
                    lastKnown = Date.now();
                    if (session && session.version !== seen?.version) {
                        seen = session;
                        yield session;
                    }
                }
                if (isKnownOver || (seen && isOver(seen)))
                    return;
            }
            catch (error) {
                if (signal?.aborted)
                    return;
                if (error instanceof CallsError) {
                    const isUnknown = error.status === 404 && Date.now() - lastKnown >= patience;
                    // A person who declines or is removed may not see the call any more.
                    if (isUnknown && seen)
                        return;
                    // The bearer has expired. The next request asks for a new one.
                    const again = error.status === 401 ? !refused
                        : error.status === 404 ? !isUnknown
                            : error.status === 429 || error.status >= 500;
                    if (!again)
                        throw error;
                    refused = error.status === 401;
                    asked = error.retryAfter;
                }
                else if (!(error instanceof TypeError) && !(error instanceof Silence)) {
                    throw error;
                }
            }
            const rest = asked !== null ? asked * 1000 : pollEvery ?? wait * (0.5 + Math.random());
            if (!await pause(rest, signal))
                return;
            // Before the first webhook of Twilio a person waits, so the pause stays short.
            if (seen)
                wait = longer(wait);
        }
    }
    /** The bearer's own calls, the newest first. */
    mySessions({ state, ...call } = {}) {
        return this.#list('/v1/me/sessions', state, call);
    }
    /** All live calls. For operators. */
    liveSessions(call = {}) {
        return this.#list('/v1/sessions', 'live', call);
    }
    /** Adds a participant. A repeated request with the same key rings no phone twice; without a key, each request has its own. */
    async addParticipant(id, participant, { idempotencyKey = randomKey(), signal } = {}) {
        const headers = { 'Idempotency-Key': `"${idempotencyKey.replace(/["\\]/g, '\\$&')}"` };
        return this.#json('POST', `${pathOf(id)}/participants`, { body: participant, headers, signal });
    }
    /** Sets mute and hold. */
    async changeParticipant(id, participant, flags, { ifVersion, signal } = {}) {
        return this.#json('PATCH', pathOf(id, participant), { body: flags, headers: matching(ifVersion), signal });
    }
    /** Takes one participant off the line, or stops the phone. */
    async removeParticipant(id, participant, { ifVersion, signal } = {}) {
        await this.#ask('DELETE', pathOf(id, participant), { headers: matching(ifVersion), signal });
    }
    /** Ends the call for all participants. */
    async endCall(id, { ifVersion, signal } = {}) {
        await this.#ask('DELETE', pathOf(id), { headers: matching(ifVersion), signal });
    }
    /** Deletes what is stored about an ended call, before its retention ends. For operators. */
    async forgetCall(id, { signal } = {}) {
        await this.#ask('DELETE', `${pathOf(id)}/record`, { signal });
    }
    async *#list(path, state, { signal }) {
        for (let cursor = ''; cursor !== null;) {
            const query = [state && `state=${state}`, cursor && `cursor=${encodeURIComponent(cursor)}`].filter(Boolean).join('&');
            const page = await this.#json('GET', query ? `${path}?${query}` : path, { signal });
            yield* page.sessions;
            cursor = page.next;
        }
    }
    async *#poll(id, signal) {
        yield await this.#json('GET', pathOf(id), { signal });
    }
    /** The events of one connection; null for a heartbeat. It says `none` if the call is over and has no newer event. */
    async *#stream(id, seen, none, signal) {
        const dead = new AbortController();
        const stop = () => dead.abort();
        signal?.addEventListener('abort', stop);
        let timer = setTimeout(stop, silence);
        let isClosed = false;
        try {
            const headers = { Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': String(seen.version) }) };
            const answer = await this.#ask('GET', `${pathOf(id)}/events`, { headers, signal: dead.signal });
            if (answer.status === 204)
                none();
            if (!answer.body)
                return;
            const reader = answer.body.getReader();
            const text = new TextDecoder();
            for (let rest = '';;) {
                const { value, done } = await reader.read();
                isClosed = done;
                if (done)
                    return;
                clearTimeout(timer);
                timer = setTimeout(stop, silence);
                const events = (rest + text.decode(value, { stream: true })).replaceAll('\r\n', '\n').split('\n\n');
                rest = events.pop() ?? '';
                for (const event of events) {
                    const data = event.split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trimStart()).join('\n');
                    yield data ? JSON.parse(data) : null;
                }
            }
        }
        catch (error) {
            throw dead.signal.aborted && !signal?.aborted ? new Silence() : error;
        }
        finally {
            clearTimeout(timer);
            signal?.removeEventListener('abort', stop);
            if (!isClosed)
                dead.abort();
        }
    }
    async #json(method, path, request) {
        return await (await this.#ask(method, path, request)).json();
    }
    async #ask(method, path, { body, headers, signal }) {
        const bearer = typeof this.#bearer === 'string' ? this.#bearer : await this.#bearer();
        const answer = await this.#fetch(this.#baseUrl + path, {
            method,
            headers: { Authorization: `Bearer ${bearer}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
            ...(body !== undefined && { body: JSON.stringify(body) }),
            ...(signal && { signal }),
        });
        if (answer.ok)
            return answer;
        const after = Number(answer.headers.get('Retry-After') || NaN);
        throw new CallsError(answer.status, await problemOf(answer), Number.isFinite(after) ? after : null);
    }
}
class Silence extends Error {
}
async function problemOf(answer) {
    try {
        const problem = JSON.parse(await answer.text());
        return problem !== null && typeof problem === 'object' ? problem : {};
    }
    catch {
        return {};
    }
}
function sentenceOf(status, { title, detail, errors }) {
    const fields = Object.entries(errors ?? {}).map(([field, sentences]) => `${field}: ${sentences.join(' ')}`);
    return fields.join('; ') || detail || title || `The service answered ${status}.`;
}
const onTheLine = ['queued', 'dialing', 'ringing', 'connected', 'reconnecting'];
/** The call has ended, and no line is left. */
function isOver(session) {
    return session.state === 'ended' && !session.participants.some(({ state }) => onTheLine.includes(state));
}
/** A refusal that asking again does not change. */
function isFinal(error) {
    return error instanceof CallsError ? error.status < 500 && error.status !== 429 && error.status !== 401 : !(error instanceof TypeError);
}
function canStream() {
    return typeof ReadableStream !== 'undefined' && typeof TextDecoder !== 'undefined'
        && (typeof navigator === 'undefined' || navigator.product !== 'ReactNative');
}
function pathOf(session, participant) {
    const path = `/v1/sessions/${encodeURIComponent(session)}`;
    return participant === undefined ? path : `${path}/participants/${encodeURIComponent(participant)}`;
}
function matching(version) {
    return version === undefined ? {} : { 'If-Match': `"${version}"` };
}
/** It is no secret. It tells this request from other requests of the same bearer. */
function randomKey() {
    return globalThis.crypto?.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join('-');
}
function longer(wait) {
    return Math.min(wait * 2, longestPause);
}
/** False if it was aborted. */
function pause(milliseconds, signal) {
    return new Promise(resolve => {
        if (signal?.aborted)
            return resolve(false);
        const stop = () => { clearTimeout(timer); resolve(false); };
        const timer = setTimeout(() => { signal?.removeEventListener('abort', stop); resolve(true); }, milliseconds);
        signal?.addEventListener('abort', stop, { once: true });
    });
}
