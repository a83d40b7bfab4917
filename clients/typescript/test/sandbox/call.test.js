// A call of the sandbox, from the first request to the end. CALLS_SANDBOX is the address of the sandbox's page.
import test from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { CallsClient, CallsError } from '../../dist/index.js';

const sandbox = (process.env.CALLS_SANDBOX ?? 'http://127.0.0.1:5081').replace(/\/$/, '');
const { people, api } = await (await fetch(`${sandbox}/sandbox/about`)).json();
const clientOf = name => new CallsClient({ baseUrl: api, bearer: people[name] });
const stateOf = (session, id) => session.participants.find(each => each.id === id)?.state;

async function use(phone, action) {
  const answer = await fetch(`${sandbox}/phones/${encodeURIComponent(phone)}/${action}`, { method: 'POST' });
  assert.ok(answer.ok, await answer.text());
}

test('a call is placed, followed, joined by a phone, muted, listed and ended', { timeout: 60_000 }, async () => {
  const [alice, bob] = [clientOf('alice'), clientOf('bob')];
  const token = await alice.token();
  assert.equal(token.identity, 'alice');
  assert.equal(token.token.split('.').length, 3);

  const id = `client-${randomUUID()}`;
  const [states, done] = [[], []];
  const placed = use('client:alice', `call?to=bob&session=${id}`);
  for await (const session of alice.follow(id)) {
    states.push(session.state);
    if (stateOf(session, 'callee') === 'ringing' && once('answer')) await use('client:bob', 'answer');
    if (session.state === 'live' && once('add')) {
      const guest = await bob.addParticipant(id, { phoneNumber: '+1 (555) 010-0177', label: 'lawyer' }, { idempotencyKey: id });
      const again = await bob.addParticipant(id, { phoneNumber: '+1 (555) 010-0177', label: 'lawyer' }, { idempotencyKey: id });
      assert.equal(again.id, guest.id);
    }
    const guest = session.participants.find(each => each.label === 'lawyer');
    if (guest?.state === 'ringing' && once('guest answers')) await use('+15550100177', 'answer');
    if (guest?.state === 'connected' && once('mute')) await bob.changeParticipant(id, guest.id, { muted: true });
    if (guest?.muted && once('list')) {
      const mine = [];
      for await (const each of bob.mySessions({ state: 'live' })) mine.push(each.sessionId);
      assert.ok(mine.includes(id));
      await assert.rejects(bob.changeParticipant(id, guest.id, { muted: false }, { ifVersion: 1 }), { code: 'version-mismatch' });
      await bob.removeParticipant(id, guest.id);
    }
    if (guest?.state === 'left' && once('end')) await alice.endCall(id);
  }
  await placed;
  assert.deepEqual([...new Set(states)], ['ringing', 'live', 'ended']);
  assert.equal(done.at(-1), 'end');
  assert.equal((await bob.session(id)).endReason, 'ended-by-person');

  function once(step) {
    return !done.includes(step) && done.push(step);
  }
});

test('a refusal is an error with the code and a sentence', { timeout: 30_000 }, async () => {
  await assert.rejects(clientOf('alice').session('no-such-call'), error => error instanceof CallsError
    && error.status === 404 && error.code === 'no-such-session' && error.message.length > 10);
  await assert.rejects(new CallsClient({ baseUrl: api, bearer: 'nonsense' }).token(), { status: 401 });
  await assert.rejects(clientOf('alice').follow('no-such-call', { patience: 0 }).next(), { code: 'no-such-session' });
});
