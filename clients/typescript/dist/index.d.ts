import type { components } from './schema.js';
type Schemas = components['schemas'];
/** One call, as the service sees it. */
export type Session = Schemas['SessionDocument'];
/** One person of a call. */
export type Participant = Schemas['ParticipantDocument'];
/** One of several people who are rung for one participant. */
export type Candidate = Schemas['CandidateDocument'];
/** A Twilio Voice access token for the `Device` of the Voice SDK. */
export type Token = Schemas['TokenDocument'];
/** A person to add to a call. */
export type ParticipantToAdd = Schemas['ParticipantToAdd'];
/** Mute and hold. A flag that is absent stays as it is. */
export type Flags = {
    muted?: boolean;
    hold?: boolean;
};
/** The kind of a problem. A later version of the service can have more kinds. */
export type ProblemCode = Schemas['ProblemCode'];
/** A problem detail (RFC 9457). `errors` names the fields of the request that cannot be used. A proxy's answer has no members. */
export type Problem = Partial<Schemas['Problem']>;
export type Options = {
    /** The origin of the service, such as `https://calls.example.org`. In a page of the same origin it can be absent. */
    baseUrl?: string;
    /** The bearer (a JWT), or a function that gives one. The function is called for each request, so it can renew the bearer. */
    bearer: string | (() => string | Promise<string>);
    /** A replacement for the global `fetch`. */
    fetch?: typeof fetch;
};
/** What every method takes. An aborted request is rejected with an `AbortError`. */
export type Call = {
    signal?: AbortSignal;
};
export type FollowOptions = Call & {
    /** How long the service may not know the call, in milliseconds: Twilio's first webhook is on its way, or the service has lost the
     * call and builds it again. By default 30 s. */
    patience?: number;
    /** Ask for the session every so many milliseconds. By default only where `fetch` cannot read a stream (React Native): 1 s. */
    pollEvery?: number;
};
/** An answer of the service that is no success. */
export declare class CallsError extends Error {
    readonly name = "CallsError";
    /** The HTTP status. */
    readonly status: number;
    /** The stable code of the problem, such as `no-such-session`. Null if the answer was no problem detail, as of a proxy. */
    readonly code: ProblemCode | null;
    /** When to ask again, in seconds. Null if the service has not said so. */
    readonly retryAfter: number | null;
    readonly problem: Problem;
    constructor(status: number, problem: Problem, retryAfter: number | null);
}
export declare class CallsClient {
    #private;
    constructor({ baseUrl, bearer, fetch: own }: Options);
    /** A Twilio Voice access token for the bearer's own identity. An app on a mobile platform names it, for push messages. */
    token({ platform, signal }?: Call & {
        platform?: 'ios' | 'android';
    }): Promise<Token>;
    /** A token now, and the next one three minutes before each expires. A failed renewal is repeated, unless the service refuses it. */
    tokens({ platform, signal }?: Call & {
        platform?: 'ios' | 'android';
    }): AsyncGenerator<Token, void, undefined>;
    /** The session now. 404 until Twilio's first webhook has reached the service. */
    session(id: string, { signal }?: Call): Promise<Session>;
    /** The session now, and again after each change, until the call is over. It reconnects when the connection is lost. */
    follow(id: string, options?: FollowOptions): AsyncGenerator<Session, void, undefined>;
    /** The bearer's own calls, the newest first. */
    mySessions({ state, ...call }?: Call & {
        state?: 'live' | 'ended';
    }): AsyncGenerator<Session, void, undefined>;
    /** All live calls. For operators. */
    liveSessions(call?: Call): AsyncGenerator<Session, void, undefined>;
    /** Adds a participant. A repeated request with the same key rings no phone twice; without a key, each request has its own. */
    addParticipant(id: string, participant: ParticipantToAdd, { idempotencyKey, signal }?: Call & {
        idempotencyKey?: string;
    }): Promise<Participant>;
    /** Sets mute and hold. */
    changeParticipant(id: string, participant: string, flags: Flags, { ifVersion, signal }?: Call & {
        ifVersion?: number;
    }): Promise<Participant>;
    /** Takes one participant off the line, or stops the phone. */
    removeParticipant(id: string, participant: string, { ifVersion, signal }?: Call & {
        ifVersion?: number;
    }): Promise<void>;
    /** Ends the call for all participants. */
    endCall(id: string, { ifVersion, signal }?: Call & {
        ifVersion?: number;
    }): Promise<void>;
    /** Deletes what is stored about an ended call, before its retention ends. For operators. */
    forgetCall(id: string, { signal }?: Call): Promise<void>;
}
export {};
