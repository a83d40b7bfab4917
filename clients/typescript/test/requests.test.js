import test from 'node:test';
import assert from 'node:assert/strict';
import { CallsClient, CallsError } from '../dist/index.js';
import { serving, json, empty, problem } from './server.js';

const clientOf = ({ baseUrl }) => new CallsClient({ baseUrl: `${baseUrl}/`, bearer: () => 'b' });

test('a participant is added with a key of its own, or with the given key', async t => {
  const service = await serving(t, json(201, { id: 'guest-1' }));
  const client = clientOf(service);
  assert.deepEqual(await client.addParticipant('s-1', { phoneNumber: '+15550100101', label: 'lawyer' }), { id: 'guest-1' });
  await client.addParticipant('s-1', { phoneNumber: '+15550100101' });
  await client.addParticipant('s-1', { phoneNumber: '+15550100101' }, { idempotencyKey: 'a "b"' });
  const [first, second, third] = service.asked;
  assert.equal(first.path, '/v1/sessions/s-1/participants');
  assert.deepEqual(first.body, { phoneNumber: '+15550100101', label: 'lawyer' });
  assert.match(first.headers['idempotency-key'], /^"[^"]{16,}"$/);
  assert.notEqual(first.headers['idempotency-key'], second.headers['idempotency-key']);
  assert.equal(third.headers['idempotency-key'], '"a \\"b\\""');
});

test('mute, remove and end can name the version that they mean', async t => {
  const service = await serving(t, json(200, { id: 'p' }), empty(204));
  const client = clientOf(service);
  await client.changeParticipant('s-1', 'p', { muted: true }, { ifVersion: 7 });
  await client.removeParticipant('s-1', 'p');
  await client.endCall('s-1', { ifVersion: 8 });
  assert.deepEqual(service.asked.map(each => [each.method, each.path, each.headers['if-match'], each.body]), [
    ['PATCH', '/v1/sessions/s-1/participants/p', '"7"', { muted: true }],
    ['DELETE', '/v1/sessions/s-1/participants/p', undefined, null],
    ['DELETE', '/v1/sessions/s-1', '"8"', null],
  ]);
});

test('an ended call is forgotten, and a refusal is an error', async t => {
  const service = await serving(t, empty(204), problem(409, 'call-is-not-over'));
  const client = clientOf(service);
  await client.forgetCall('s 1');
  assert.deepEqual(service.asked.map(each => [each.method, each.path, each.headers.authorization, each.body]), [
    ['DELETE', '/v1/sessions/s%201/record', 'Bearer b', null],
  ]);
  await assert.rejects(client.forgetCall('s-1'), { status: 409, code: 'call-is-not-over' });
});

test('a list reads the next page when it is needed', async t => {
  const service = await serving(
    t, json(200, { sessions: [{ sessionId: 'a' }], next: 'c/1' }), json(200, { sessions: [{ sessionId: 'b' }], next: null }));
  const ids = [];
  for await (const each of clientOf(service).mySessions({ state: 'ended' })) {
    ids.push(each.sessionId);
    assert.equal(service.asked.length, ids.length);
  }
  assert.deepEqual(ids, ['a', 'b']);
  assert.deepEqual(service.asked.map(each => each.path), ['/v1/me/sessions?state=ended', '/v1/me/sessions?state=ended&cursor=c%2F1']);
});

test('a problem is a typed error with the sentence for a person', async t => {
  const fields = { code: 'invalid-request', errors: { phoneNumber: ['The number is no number.'] } };
  const service = await serving(t, problem(429, 'too-many-adds', { 'Retry-After': '30' }), json(400, fields), (_, response) =>
    response.writeHead(502, { 'Content-Type': 'text/html' }).end('<html>'));
  const client = clientOf(service);
  await assert.rejects(client.session('s-1'), error => error instanceof CallsError && error.code === 'too-many-adds'
    && error.status === 429 && error.retryAfter === 30 && error.message === 'It is too-many-adds.');
  await assert.rejects(client.session('s-1'), { code: 'invalid-request', message: 'phoneNumber: The number is no number.' });
  await assert.rejects(client.session('s-1'), { code: null, status: 502, message: 'The service answered 502.' });
});

test('the next token comes before the old one expires, also after a failure', async t => {
  const token = life => json(200, { token: `t${life}`, identity: 'alice', expiresAt: new Date(Date.now() + life).toISOString() });
  const service = await serving(t, token(60), problem(503, 'session-store-unavailable'), token(60_000), problem(403, 'no-identity'));
  const seen = [];
  for await (const each of clientOf(service).tokens({ platform: 'ios' })) {
    seen.push(each.token);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, ['t60', 't60000']);
  assert.deepEqual(service.asked[0].body, { platform: 'ios' });
});

test('a token that cannot be renewed is an error', async t => {
  const expired = json(200, { token: 't', identity: 'alice', expiresAt: new Date(Date.now() + 10).toISOString() });
  const service = await serving(t, expired, problem(403, 'no-identity'));
  const tokens = clientOf(service).tokens();
  assert.equal((await tokens.next()).value.token, 't');
  await assert.rejects(tokens.next(), { code: 'no-identity' });
});
