// The phones. Each card is created once and then updated, so that no element moves or loses the focus.
import { CallsClient } from './calls-client.js';
import { attempt, el, text, ask, say, nameOf, capital } from './dom.js';

const states = { idle: 'Idle', calling: 'Calling…', ringing: 'Ringing', waiting: 'On the line', talking: 'In call' };
const ends = {
  completed: 'call ended',
  busy: 'busy or declined',
  'no-answer': 'no answer',
  canceled: 'the caller hung up',
  failed: 'could not be reached',
};
const behaviours = [
  ['let-ring', 'rings'],
  ['answer', 'answers by itself'],
  ['voicemail', 'is a voicemail'],
  ['fax', 'is a fax'],
  ['unrecognised', 'answers as a person whom Twilio does not recognise'],
  ['decline', 'declines by itself'],
  ['busy', 'is busy'],
  ['unreachable', 'cannot be reached'],
  ['offline', 'is offline'],
];

// The number of the service. Calls:Inbound says who is rung.
const hotline = '+15550100000';

// The group that the sandbox configures (Calls:Groups).
const group = 'group:interpreters';

const screens = [
  ['none', 'nothing'],
  ['machine', 'machines are detected'],
  ['press-1', 'the person presses 1'],
];

export class Phones {
  #box;
  #bearers;
  #cards = new Map();
  #names = new Map();

  constructor(box, bearers) {
    this.#box = box;
    this.#bearers = bearers;
  }

  update(phones) {
    this.#names = new Map(phones.map(phone => [phone.address, phone.name]));
    for (const phone of phones) {
      let card = this.#cards.get(phone.address);
      if (!card) {
        card = new Card(phone, this.#bearers[nameOf(phone.address)]);
        this.#cards.set(phone.address, card);
        this.#box.append(card.element);
      }
    }
    for (const phone of phones) this.#cards.get(phone.address).update(phone, phones, address => this.#name(address));
  }

  #name(address) {
    return capital(this.#names.get(address) ?? nameOf(address));
  }
}

class Card {
  #phone;
  #client;
  #parts = {};
  #state = null;
  #other;

  constructor(phone, bearer) {
    this.#phone = phone;
    this.#client = bearer && new CallsClient({ bearer });
    const id = `phone-${phone.address.replaceAll(/[^A-Za-z0-9]/g, '-')}`;
    const use = action => () => ask('POST', `/phones/${encodeURIComponent(this.#phone.address)}/${action}`);
    const patch = flags => attempt(async () => {
      const own = await this.#own();
      if (own) await this.#client.changeParticipant(this.#phone.session, own.id, flags);
    });
    const p = this.#parts;
    p.name = el('h3', { id });
    p.state = el('span', { class: 'state' });
    p.line = el('p', { class: 'line' });
    p.hears = el('p', { class: 'hears' });
    p.answer = this.#button('Answer', 'good', use('answer'));
    p.press = this.#button('Press 1', 'good', use('press?key=1'));
    p.decline = this.#button('Decline', 'danger', use('decline'));
    p.hangUp = this.#button('Hang up', 'danger', use('hang-up'));
    if (!phone.isApp)
      p.callIn = this.#button('Call in', '', use(`call?to=${encodeURIComponent(hotline)}`), 'The phone calls the number of the service');
    p.drop = this.#button('Lose connection', 'quiet', use('drop'), 'The phone loses its connection without hanging up');
    if (bearer) {
      p.mute = this.#button('Mute', '', () => patch({ muted: !this.#phone.muted }));
      p.hold = this.#button('Hold', '', () => patch({ hold: !this.#phone.hold }));
      p.end = this.#button('End for all', 'danger quiet', () => attempt(() => this.#client.endCall(this.#phone.session)));
      p.back = this.#button('Call again', 'good', () => this.#callAgain(), 'The app calls again with the session id of its last call');
      p.call = this.#chooser(id, 'Call', 'phone', to => this.#call(to));
      p.add = this.#chooser(id, 'Add to call', 'number', to => this.#add(to));
      p.screen = el('select', {}, ...screens.map(([value, words]) => el('option', { value }, words)));
      p.screened = el('label', { class: 'screening' }, 'Before an added phone enters: ', p.screen);
    }
    p.behaviour = el('select', {}, ...behaviours.map(([value, words]) => el('option', { value }, words)));
    p.behaviour.addEventListener('change', () =>
      ask('PUT', `/sandbox/phones/${encodeURIComponent(this.#phone.address)}/behaviour`, { behaviour: p.behaviour.value }));
    this.element = el('article', { class: 'card', 'aria-labelledby': id },
      el('header', {},
        el('span', { class: phone.isApp ? 'avatar app' : 'avatar', 'aria-hidden': 'true' },
          phone.isApp ? capital(phone.name).charAt(0) : '☎'),
        el('div', { class: 'who' }, p.name, el('small', {}, phone.isApp ? 'app user' : phone.address)),
        p.state),
      p.line, p.hears,
      el('div', { class: 'actions' }, p.answer, p.press, p.decline, p.back, p.callIn, p.mute, p.hold, p.hangUp, p.end, p.drop),
      p.call?.element, p.add?.element, p.screened,
      el('label', { class: 'behaviour' }, 'When called, it ', p.behaviour));
  }

  update(phone, phones, name) {
    const p = this.#parts;
    this.#phone = phone;
    this.element.dataset.state = phone.state;
    const on = phone.state === 'talking' || phone.state === 'waiting';
    text(p.name, name(phone.address));
    text(p.state, phone.hold ? 'On hold' : phone.muted ? 'Muted' : states[phone.state]);
    text(p.line, this.#line(phone, name));
    text(p.hears, phone.state === 'idle' ? '' : `hears ${hears(phone, name)}`);
    const show = {
      answer: phone.state === 'ringing',
      press: phone.asked,
      decline: phone.state === 'ringing',
      hangUp: on || phone.state === 'calling',
      drop: phone.state !== 'idle',
    };
    if (p.callIn) show.callIn = phone.state === 'idle';
    if (this.#client) {
      Object.assign(show, { mute: phone.state === 'talking', hold: phone.state === 'talking', end: on && phone.session !== null });
      this.#other = phones.find(other => other.isApp && other.address !== phone.address);
      show.back = phone.back !== null && this.#other !== undefined;
      p.call.update(phone.state === 'idle', [...phones.filter(other => other.address !== phone.address), { address: group, name: group }],
        address => address === group ? 'The group of interpreters' : name(address));
      const free = phones.filter(other => other.address !== phone.address && other.state === 'idle')
        .sort((one, other) => one.isApp - other.isApp);
      p.add.update(on && phone.session !== null, free, name);
      p.screened.hidden = p.add.element.hidden;
      press(p.mute, phone.muted, 'Unmute', 'Mute');
      press(p.hold, phone.hold, 'Resume', 'Hold');
    }
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    for (const [part, visible] of Object.entries(show)) p[part].hidden = !visible;
    // If the focused button is now hidden, the focus moves to another control of the card.
    if (focused?.closest('[hidden]'))
      this.element.querySelector('.actions > button:not([hidden]), form:not([hidden]) select, .behaviour select').focus();
    if (document.activeElement !== p.behaviour) p.behaviour.value = phone.behaviour;
    if (this.#state !== null && this.#state !== phone.state)
      say(`${name(phone.address)}: ${states[phone.state]}. ${this.#line(phone, name)}`);
    this.#state = phone.state;
  }

  #line(phone, name) {
    switch (phone.state) {
      case 'idle': {
        const words = phone.words ? `, after ${phone.words}` : '';
        return phone.last ? `Last call: ${ends[phone.last] ?? phone.last}${words}` : 'Ready';
      }
      case 'ringing': return phone.caller ? `Incoming call from ${capital(phone.caller)}` : 'Incoming call';
      case 'calling': return 'Twilio requests the voice webhook';
      case 'waiting': return phone.asked ? 'Asked to press 1' : phone.placed ? 'Waiting for an answer' : 'On the line';
      default: return `with ${list(phone.with.map(name))}`;
    }
  }

  // The participant that this app is, as the Api shows it. An app knows its session and its own identity, and no more.
  async #own() {
    const session = await this.#client.session(this.#phone.session);
    return session.participants.findLast(person => person.identity === nameOf(this.#phone.address));
  }

  #call(to) {
    const session = `s-${crypto.randomUUID().slice(0, 6)}`;
    const where = new URLSearchParams({ to: nameOf(to), session });
    document.dispatchEvent(new CustomEvent('calls:show', { detail: null }));
    return ask('POST', `/phones/${encodeURIComponent(this.#phone.address)}/call?${where}`);
  }

  // The app calls with the session id of a call that goes on. The service knows the person, and rings no phone.
  #callAgain() {
    const where = new URLSearchParams({ to: nameOf(this.#other.address), session: this.#phone.back });
    return ask('POST', `/phones/${encodeURIComponent(this.#phone.address)}/call?${where}`);
  }

  #add(address) {
    const label = document.querySelector(`#cards option[value="${CSS.escape(address)}"]`)?.dataset.label;
    const person = address.startsWith('client:') ? { identity: nameOf(address) }
      : { phoneNumber: address, label, screen: this.#parts.screen.value };
    return attempt(() => this.#client.addParticipant(this.#phone.session, person));
  }

  #button(words, kind, act, title) {
    const button = el('button', { type: 'button', class: kind || false, title });
    button.append(words);
    button.addEventListener('click', async () => {
      if (button.getAttribute('aria-busy') === 'true') return;
      button.setAttribute('aria-busy', 'true');
      await act();
      button.removeAttribute('aria-busy');
    });
    return button;
  }

  // The choice of a phone to call or add: a phone on the page, or another number.
  #chooser(id, verb, what, act) {
    const key = `${id}-${verb.replaceAll(' ', '-').toLowerCase()}`;
    const select = el('select', { id: key });
    const other = el('input', {
      type: 'text',
      inputmode: 'tel',
      placeholder: '+15550100199',
      'aria-label': `${verb}: another number`,
      autocomplete: 'off',
      hidden: true,
    });
    const go = el('button', { type: 'submit', class: 'primary' }, verb);
    const label = el('label', { for: key, class: 'visually-hidden' }, `${verb}: ${what}`);
    const form = el('form', { class: 'choose' }, label, select, other, go);
    let picked = false;
    select.addEventListener('change', () => {
      picked = true;
      other.hidden = select.value !== 'other';
      if (!other.hidden) other.focus();
    });
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const to = select.value === 'other' ? other.value.trim() : select.value;
      if (!to) return other.focus();
      if (go.getAttribute('aria-busy') === 'true') return;
      go.setAttribute('aria-busy', 'true');
      await act(to);
      go.removeAttribute('aria-busy');
    });
    let shown = '';
    return {
      element: form,
      update(visible, choices, name) {
        form.hidden = !visible;
        const wanted = JSON.stringify(choices.map(choice => [choice.address, name(choice.address)]));
        if (wanted === shown) return;
        shown = wanted;
        const before = select.value;
        select.replaceChildren(
          ...choices.map(choice => {
            const label = choice.name === choice.address ? null : choice.name;
            return el('option', { value: choice.address, 'data-label': label }, name(choice.address));
          }),
          el('option', { value: 'other' }, 'another number…'));
        picked &&= [...select.options].some(option => option.value === before);
        if (picked) select.value = before;
        other.hidden = select.value !== 'other';
      },
    };
  }
}

function press(button, on, pressed, released) {
  text(button, on ? pressed : released);
  button.classList.toggle('on', on);
}

function hears(phone, name) {
  if (phone.state === 'ringing') return 'its ringtone';
  if (phone.state === 'waiting' && phone.sound) return sound(phone.sound);
  if (/^https?:/.test(phone.hears)) return phone.sound ? sound(phone.sound) : 'music';
  if (phone.hears === 'silence') return phone.words && phone.state !== 'talking' ? phone.words : 'silence';
  return list(phone.hears.split(', ').map(name));
}

function sound(heard) {
  if (heard.startsWith('"')) return heard;
  const path = new URL(heard, location.href).pathname;
  const file = path.split('/').at(-1).replace(/\.\w+$/, '');
  return path.includes('/tones/') ? `the ${file} tone` : file;
}

function list(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
