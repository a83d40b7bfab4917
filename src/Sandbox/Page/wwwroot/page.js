// The page: it shows the events of the sandbox (server-sent events), and sends the actions of the user.
import { el, ask, toast } from './dom.js';
import { Phones } from './phones.js';
import { SessionPanel } from './session.js';
import { Timeline } from './timeline.js';
import { Ringer } from './ringer.js';
import { Earpiece, toneOf } from './earpiece.js';

const about = await (await fetch('/sandbox/about')).json();
const phones = new Phones(document.getElementById('cards'), about.people);
const session = new SessionPanel(about.people);
const timeline = new Timeline();
const ringer = new Ringer(document.getElementById('sound'));
const earpiece = new Earpiece(document.getElementById('sound'), document.getElementById('earpiece'));
const link = document.getElementById('link');
let run = null;

// Faults

const switches = new Map(about.faults.map(fault => {
  const button = el('button', { type: 'button', role: 'switch', 'aria-checked': 'false', 'aria-describedby': `fault-${fault.name}` },
    el('span', { class: 'knob', 'aria-hidden': 'true' }), fault.title);
  button.addEventListener('click', async () => {
    const on = button.getAttribute('aria-checked') !== 'true';
    if (await ask('PUT', `/sandbox/faults/${fault.name}`, { on }) && fault.done) toast(fault.done);
  });
  document.getElementById('faults').append(
    el('div', { class: 'switch' }, button, el('small', { id: `fault-${fault.name}` }, fault.description)));
  return [fault.name, button];
}));

// Guarantees

const titles = { hold: 'Guarantees hold', settling: 'Recovering…', broken: 'A guarantee is broken' };

function showGuarantees({ state, what, healed }) {
  const box = document.getElementById('guarantees');
  const title = document.getElementById('guarantees-title');
  if (title.textContent !== titles[state]) title.textContent = titles[state];
  box.dataset.state = state;
  const lines = [...what];
  if (!lines.length) lines.push('There is no problem now.');
  if (healed) lines.push(`Problems that occurred earlier and are over: ${healed}.`);
  document.getElementById('guarantees-what').replaceChildren(...lines.map(line => el('li', {}, line)));
}

// New phones

document.getElementById('add-phone').addEventListener('submit', async event => {
  event.preventDefault();
  const field = document.getElementById('new-name');
  const name = field.value;
  // The user can type the next name before the answer comes.
  if (await ask('POST', '/sandbox/phones', { name }) && field.value === name) field.value = '';
});

document.addEventListener('calls:show', event => session.show(event.detail));

function connect() {
  const events = new EventSource('/sandbox/events');
  events.addEventListener('open', () => {
    link.textContent = 'connected';
    link.dataset.state = 'up';
  });
  events.addEventListener('error', () => {
    link.textContent = 'not connected';
    link.dataset.state = 'down';
  });
  events.addEventListener('entries', event => timeline.add(JSON.parse(event.data)));
  events.addEventListener('state', event => {
    const state = JSON.parse(event.data);
    if (run !== null && run !== state.run) location.reload();
    run = state.run;
    phones.update(state.phones);
    session.know(state.sessions, state.phones);
    ringer.update(state.phones.some(phone => phone.state === 'ringing'));
    earpiece.update(state.phones.map(toneOf).find(tone => tone !== null) ?? null);
    showGuarantees(state.guarantees);
    for (const [name, button] of switches) button.setAttribute('aria-checked', String(state.faults.includes(name)));
  });
  addEventListener('pagehide', () => events.close());
}

connect();
document.documentElement.dataset.ready = 'true';
