import test from 'node:test';
import assert from 'node:assert/strict';
import { CallsClient, CallsError } from '../dist/index.js';
import { serving, json, empty, problem, events, event, session } from './server.js';

const over = version => session(version, 'ended', ['left', 'left']);

async function all(sessions) {
  const versions = [];
  for await (const each of sessions) versions.push(each.version);
  return versions;
}

const clientOf = ({ baseUrl }, bearer = 'b') => new CallsClient({ baseUrl, bearer });

test('every change of a call arrives once, until no line is left', async t => {
  const service = await serving(t, events(event(session(1)) + ': ping\n\n' + event(session(2)) + event(over(3))));
  assert.deepEqual(await all(clientOf(service).follow('s 1')), [1, 2, 3]);
  assert.equal(service.asked.length, 1, 'the call was over');
  assert.equal(service.asked[0].path, '/v1/sessions/s%201/events');
  assert.equal(service.asked[0].headers.authorization, 'Bearer b');
});

test('the events before the end of the call are not the last ones', async t => {
  const ending = session(3, 'ended', ['left', 'connected']);
  const service = await serving(t, events(event(ending)), events(event(over(4))));
  assert.deepEqual(await all(clientOf(service).follow('s-1')), [3, 4]);
});

test('after a cut, the next connection names the last event', async t => {
  const service = await serving(
    t, events(event(session(7)), 'cut'), problem(503, 'session-store-unavailable'), events(event(session(8))), empty(204));
  assert.deepEqual(await all(clientOf(service).follow('s-1')), [7, 8]);
  assert.deepEqual(service.asked.map(each => each.headers['last-event-id']), [undefined, '7', '7', '8']);
});

test('an event that comes in pieces, also within a letter, is one event', async t => {
  const bytes = Buffer.from(event({ ...over(1), participants: [{ id: 'é', state: 'left' }] }));
  const cut = bytes.indexOf(0xc3) + 1;
  const service = await serving(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(bytes.subarray(0, cut), () => setImmediate(() => response.end(bytes.subarray(cut))));
  });
  const seen = clientOf(service).follow('s-1');
  const { value } = await seen.next();
  await seen.return();
  assert.equal(value.participants[0].id, 'é');
});

test('before the first webhook of Twilio the service does not know the call', async t => {
  const service = await serving(t, problem(404, 'no-such-session'), problem(404, 'no-such-session'), events(event(over(1))));
  assert.deepEqual(await all(clientOf(service).follow('s-1')), [1]);
});

test('a call that never appears is an error after the patience', async t => {
  const service = await serving(t, problem(404, 'no-such-session'));
  await assert.rejects(all(clientOf(service).follow('s-1', { patience: 0 })), { status: 404, code: 'no-such-session' });
});

test('who may not see the call any more has seen its end', async t => {
  const service = await serving(t, events(event(session(1))), problem(404, 'no-such-session'));
  assert.deepEqual(await all(clientOf(service).follow('s-1', { patience: 0 })), [1]);
});

test('a call that the service has lost and built again goes on', async t => {
  const service = await serving(t, events(event(session(9))), problem(404, 'no-such-session'), events(event(session(1)) + event(over(2))));
  assert.deepEqual(await all(clientOf(service).follow('s-1')), [9, 1, 2]);
});

test('an expired bearer is renewed once; a refused one is an error', async t => {
  const service = await serving(t, empty(401), events(event(over(1))));
  const bearers = ['old', 'new'];
  assert.deepEqual(await all(clientOf(service, async () => bearers.shift()).follow('s-1')), [1]);
  assert.deepEqual(service.asked.map(each => each.headers.authorization), ['Bearer old', 'Bearer new']);
  const strict = await serving(t, empty(401));
  await assert.rejects(all(clientOf(strict).follow('s-1')), error => error instanceof CallsError && error.status === 401);
  assert.equal(strict.asked.length, 2);
});

test('a limit of requests says when to ask again', async t => {
  const service = await serving(t, problem(429, 'too-many-requests', { 'Retry-After': '0' }), events(event(over(1))));
  assert.deepEqual(await all(clientOf(service).follow('s-1')), [1]);
});

test('another refusal is an error', async t => {
  const service = await serving(t, problem(403, 'no-identity'));
  await assert.rejects(all(clientOf(service).follow('s-1')), { status: 403, code: 'no-identity', message: 'It is no-identity.' });
});

test('an abort ends the loop and the connection', async t => {
  const stop = new AbortController();
  const service = await serving(t, events(event(session(1)), 'stay open'));
  const versions = [];
  for await (const each of clientOf(service).follow('s-1', { signal: stop.signal })) {
    versions.push(each.version);
    setImmediate(() => stop.abort());
  }
  assert.deepEqual(versions, [1]);
});

test('who leaves the loop leaves the connection', async t => {
  let closed;
  const left = new Promise(resolve => { closed = resolve; });
  const service = await serving(t, (request, response) => {
    response.on('close', closed);
    events(event(session(1)), 'stay open')(request, response);
  });
  for await (const each of clientOf(service).follow('s-1')) break;
  await left;
});

test('without streams the session is polled, and only changes are told', async t => {
  const service = await serving(
    t, problem(404, 'no-such-session'), json(200, session(1)), json(200, session(1)), json(200, session(2)), json(200, over(3)));
  assert.deepEqual(await all(clientOf(service).follow('s-1', { pollEvery: 1 })), [1, 2, 3]);
  assert.ok(service.asked.every(each => each.path === '/v1/sessions/s-1'));
});
