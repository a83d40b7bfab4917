// A softphone on one page: sign in, place and receive calls, watch the call, add a phone or a person, mute, hang up.
import { CallsClient } from '@calls/client';
import { SandboxLine, TwilioLine } from './lines.js';

const $ = id => document.getElementById(id);
const words = { idle: 'Ready', calling: 'Calling…', ringing: 'Incoming call', talking: 'In call' };

const { sandbox } = await (await fetch('/config.json')).json();
$('mode').textContent = sandbox
  ? 'Sandbox: calls use its emulated phones and have no sound'
  : 'Twilio account: calls are real and cost money';
$('identity-row').hidden = !sandbox;
$('bearer-row').hidden = sandbox;

let client, line, me, session = null, following = null;

$('sign-in').addEventListener('submit', event => {
  event.preventDefault();
  attempt(async () => {
    const bearer = sandbox ? (await (await fetch('/sandbox/about')).json()).people[$('identity').value] : $('bearer').value.trim();
    // The token is kept only in memory.
    client = new CallsClient({ bearer });
    const token = await client.token();
    me = token.identity;
    line = sandbox ? await SandboxLine.open(me) : await TwilioLine.open(client);
    line.addEventListener('change', event => changed(event.detail));
    line.addEventListener('trouble', event => say(event.detail));
    $('me').textContent = me;
    $('token').textContent = `Twilio access token until ${new Date(token.expiresAt).toLocaleTimeString()}`;
    $('sign-in').hidden = true;
    $('phone').hidden = false;
  });
});

$('dial').addEventListener('submit', event => {
  event.preventDefault();
  attempt(async () => {
    session = `s-${crypto.randomUUID()}`;
    await line.call($('to').value.trim(), session);
    follow(session);
  });
});
$('answer').addEventListener('click', () => attempt(() => line.answer()));
$('decline').addEventListener('click', () => attempt(() => line.decline()));
$('hang-up').addEventListener('click', () => attempt(() => line.hangUp()));
$('end').addEventListener('click', () => attempt(() => client.endCall(session)));
$('add').addEventListener('submit', event => {
  event.preventDefault();
  attempt(async () => {
    // A number begins with a plus sign, a digit or a bracket. Anything else is the identity of an app user.
    const typed = $('number').value.trim();
    const person = /^[+\d(]/.test(typed) ? { phoneNumber: typed } : { identity: typed };
    await client.addParticipant(session, { ...person, label: $('label').value || null });
    $('add').reset();
  });
});

function changed({ state, session: now, caller }) {
  $('state').textContent = state === 'ringing' && caller ? `${words[state]} from ${caller}` : words[state];
  $('phone').dataset.state = state;
  $('dial').hidden = state !== 'idle';
  $('answer').hidden = $('decline').hidden = state !== 'ringing';
  $('hang-up').hidden = state !== 'calling' && state !== 'talking';
  // The session id of an incoming call comes with the call.
  if (now) follow(now);
  if (state === 'idle') session = null;
}

async function follow(id) {
  if (following?.id === id) return;
  following?.stop.abort();
  following = { id, stop: new AbortController() };
  session = id;
  for await (const document of client.follow(id, { signal: following.stop.signal })) show(document);
}

function show(call) {
  $('call').hidden = false;
  $('call-id').textContent = call.sessionId;
  $('call-state').textContent = call.state + (call.endReason ? `: ${call.endReason}` : '');
  const over = call.state === 'ended';
  $('add').hidden = $('end').hidden = over;
  $('people').replaceChildren(...call.participants.map(person => row(person, over)));
}

function row(person, over) {
  const item = document.createElement('li');
  const name = person.identity ?? person.label ?? person.phoneNumber;
  const who = document.createElement('span');
  who.textContent = person.identity === me ? `${name} (you)` : name;
  const state = document.createElement('small');
  state.textContent = [person.state, person.muted && 'muted', person.hold && 'on hold', person.reason].filter(Boolean).join(', ');
  item.append(who, state);
  const mute = person.muted ? 'Unmute' : 'Mute';
  if (!over && person.state === 'connected')
    item.append(button(mute, `${mute} ${name}`, () => client.changeParticipant(session, person.id, { muted: !person.muted })));
  if (!over && ['queued', 'dialing', 'ringing', 'connected'].includes(person.state) && person.identity !== me)
    item.append(button('Remove', `Remove ${name}`, () => client.removeParticipant(session, person.id)));
  return item;
}

function button(text, label, act) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', () => attempt(act));
  return made;
}

async function attempt(act) {
  say('');
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}

function say(text) { $('said').textContent = text; }
