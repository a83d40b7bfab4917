// The journal, the newest entry first. It is filtered by kind and text, and an entry opens to show its details.
import { el, text } from './dom.js';

const most = 2000;
// A longer time between two entries, in milliseconds, is shown.
const pause = 700;
const timeFormat = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 };
const groups = [
  ['webhooks', 'Webhooks', ['webhook']],
  ['answers', 'TwiML and answers', ['answer']],
  ['effects', 'Effects (Twilio REST)', ['rest', 'rest-answer']],
  ['frontend', 'Frontend REST', ['frontend']],
  ['changes', 'Legs and conferences', ['leg', 'room']],
  ['phones', 'Phones', ['phone', 'heard']],
  ['faults', 'Faults and errors', ['fault', 'error']],
];
const words = {
  webhook: '→ webhook',
  answer: '← answer',
  rest: '← effect',
  'rest-answer': '→ outcome',
  frontend: '→ frontend',
  leg: 'leg',
  room: 'conference',
  phone: '☎ phone',
  heard: 'hears',
  fault: '! fault',
  error: '! error',
};

export class Timeline {
  #list = document.getElementById('entries');
  #rows = [];
  #waiting = [];
  #paused = false;
  #expanded = false;
  #find = '';
  #last = 0;
  #at = null;
  #hidden = new Set();

  constructor() {
    const filters = document.getElementById('filters');
    for (const [name, title, kinds] of groups) {
      const box = el('input', { type: 'checkbox', checked: true });
      box.addEventListener('change', () => {
        for (const kind of kinds) this.#hidden[box.checked ? 'delete' : 'add'](kind);
        this.#filter();
      });
      filters.append(el('label', { class: 'chip', 'data-group': name }, box, title));
    }
    document.getElementById('find').addEventListener('input', event => {
      this.#find = event.target.value.trim().toLowerCase();
      this.#filter();
    });
    toggle('pause', ['Pause', 'Resume'], on => {
      this.#paused = on;
      if (!on) this.add(this.#waiting.splice(0));
    });
    toggle('expand', ['Expand all', 'Collapse all'], on => {
      this.#expanded = on;
      for (const row of this.#rows) row.open(on);
    });
    document.getElementById('clear').addEventListener('click', () => {
      this.#rows = [];
      this.#list.replaceChildren();
      this.#empty();
    });
  }

  add(entries) {
    if (this.#paused) {
      this.#waiting.push(...entries);
      return;
    }
    const fresh = entries.filter(entry => entry.number > this.#last).map(entry => new Row(entry));
    if (fresh.length === 0) return;
    this.#last = entries.at(-1).number;
    for (const row of fresh) {
      const gap = this.#at === null ? 0 : row.at - this.#at;
      if (gap >= pause) row.element.dataset.pause = `${(gap / 1000).toFixed(1)} s later`;
      this.#at = row.at;
      row.element.hidden = !this.#shows(row);
      if (this.#expanded) row.open(true);
    }
    this.#rows.unshift(...fresh.reverse());
    this.#list.prepend(...fresh.map(row => row.element));
    for (const old of this.#rows.splice(most)) old.element.remove();
    this.#empty();
  }

  #shows(row) {
    return !this.#hidden.has(row.kind) && (this.#find === '' || row.text.includes(this.#find));
  }

  #filter() {
    for (const row of this.#rows) row.element.hidden = !this.#shows(row);
    this.#empty();
  }

  #empty() {
    const none = document.getElementById('timeline-none');
    none.hidden = this.#rows.some(row => !row.element.hidden);
    if (this.#rows.length > 0) text(none, 'No entry matches the filters.');
  }
}

class Row {
  #entry;
  #details = null;

  constructor(entry) {
    this.#entry = entry;
    this.kind = entry.kind;
    this.at = Date.parse(entry.at);
    const details = entry.details.flatMap(detail => [detail.key, detail.value]);
    this.text = [entry.kind, entry.who, entry.what, entry.callSid, entry.conferenceSid, ...details].join(' ').toLowerCase();
    const line = [
      el('time', { datetime: entry.at }, new Date(entry.at).toLocaleTimeString('en-GB', timeFormat)),
      el('span', { class: 'kind' }, words[entry.kind] ?? entry.kind),
      el('span', { class: 'of' }, entry.kind === 'room' ? '' : short(entry.who)),
      el('span', { class: 'what' }, short(entry.what)),
    ];
    const more = entry.details.length > 0 || entry.callSid || entry.conferenceSid;
    this.element = el('li', { 'data-kind': entry.kind });
    if (!more) {
      this.element.append(el('div', { class: 'entry' }, ...line));
      return;
    }
    this.#details = el('details', {}, el('summary', { class: 'entry' }, ...line));
    this.#details.addEventListener('toggle', () => this.#fill());
    this.element.append(this.#details);
  }

  open(on) {
    if (this.#details) this.#details.open = on;
  }

  #fill() {
    if (this.#details.childElementCount > 1) return;
    const { details, callSid, conferenceSid } = this.#entry;
    const bodies = details.filter(({ key }) => key === 'body' || key === 'request');
    const facts = [
      ...details.filter(({ key }) => key !== 'body' && key !== 'request').map(({ key, value }) => [key, value]),
      ...(details.some(({ key }) => key === 'CallSid') || !callSid ? [] : [['CallSid', callSid]]),
      ...(details.some(({ key }) => key === 'ConferenceSid') || !conferenceSid ? [] : [['ConferenceSid', conferenceSid]]),
    ];
    this.#details.append(el('div', { class: 'more' },
      facts.length
        ? el('dl', { class: 'parameters' }, ...facts.map(([key, value]) => el('div', {}, el('dt', {}, key), el('dd', {}, value))))
        : null,
      ...bodies.map(({ value }) => el('pre', { tabindex: '0', 'aria-label': 'body' }, ...pretty(value)))));
  }
}

function toggle(id, [off, on], act) {
  const button = document.getElementById(id);
  button.addEventListener('click', () => {
    const pressed = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(pressed));
    button.textContent = pressed ? on : off;
    act(pressed);
  });
}

const short = words => words.replaceAll(/\b((?:AC|CA|CF)[0-9a-f]{4})[0-9a-f]{28}\b/g, '$1…');

function pretty(body) {
  if (body.trimStart().startsWith('<')) {
    const parsed = new DOMParser().parseFromString(body, 'text/xml');
    if (!parsed.querySelector('parsererror')) return xml(parsed.documentElement, '');
  }
  try {
    return [JSON.stringify(JSON.parse(body), null, 2)];
  } catch {
    return [body];
  }
}

// Formats TwiML with indents and colours. More than two attributes are written one per line.
function xml(node, indent) {
  const attributes = [...node.attributes];
  const lead = attributes.length > 2 ? `\n${indent}    ` : ' ';
  const pairs = attributes.flatMap(({ name, value }) => [lead, el('i', {}, name), '="', el('u', {}, value), '"']);
  const open = [indent, el('b', {}, `<${node.nodeName}`), ...pairs];
  const children = [...node.children];
  if (children.length > 0)
    return [
      ...open, el('b', {}, '>'), '\n',
      ...children.flatMap(child => xml(child, `${indent}  `)),
      indent, el('b', {}, `</${node.nodeName}>`), '\n',
    ];
  if (node.textContent) return [...open, el('b', {}, '>'), node.textContent, el('b', {}, `</${node.nodeName}>`), '\n'];
  return [...open, el('b', {}, '/>'), '\n'];
}
