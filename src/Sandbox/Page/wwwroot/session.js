// The call as the API shows it, followed with the token of an app user on the call.
import { CallsClient } from './calls-client.js';
import { attempt, el, text, capital } from './dom.js';

export class SessionPanel {
  #bearers;
  #client = new CallsClient({ bearer: () => this.#bearers[this.$('acting-as').value] });
  #sessions = [];
  #names = new Map();
  #chosen = null;
  #id = null;
  #document = null;
  #stop = null;
  #rows = new Map();

  constructor(bearers) {
    this.#bearers = bearers;
    this.$ = name => document.getElementById(name);
    this.$('session-select').addEventListener('change', event => this.show(event.target.value));
    this.$('end-call').addEventListener('click', () => attempt(() => this.#client.endCall(this.#id)));
    this.$('one-of-form').addEventListener('submit', event => {
      event.preventDefault();
      this.#ringOneOf();
    });
    setInterval(() => this.#clock(), 1000);
  }

  // Shows one call; null shows the newest call.
  show(id) {
    this.#chosen = id;
    this.#choose();
  }

  // Receives the calls on which the phones are or were.
  know(sessions, phones) {
    this.#names = new Map(phones.map(phone => [phone.address, phone.name]));
    const toRing = this.$('one-of-phones');
    if (phones.map(phone => phone.address).join() !== [...toRing.options].map(option => option.value).join())
      toRing.replaceChildren(...phones.map(phone => el('option', { value: phone.address }, capital(phone.name))));
    this.#sessions = sessions.filter(session => session.people.some(person => this.#bearers[person]));
    const select = this.$('session-select');
    const wanted = this.#sessions.map(session => session.id);
    if (wanted.join() !== [...select.options].map(option => option.value).join())
      select.replaceChildren(...wanted.map(id => el('option', { value: id }, id)));
    this.$('session-pick').hidden = wanted.length === 0;
    this.#choose();
  }

  #choose() {
    if (this.#chosen && !this.#sessions.some(session => session.id === this.#chosen)) this.#chosen = null;
    const id = this.#chosen ?? this.#sessions[0]?.id ?? null;
    this.$('session-select').value = id ?? '';
    this.#people();
    if (id === this.#id) return;
    this.#id = id;
    this.#document = null;
    this.#stop?.abort();
    if (id === null) return;
    this.#stop = new AbortController();
    this.#follow(id, this.#stop.signal);
  }

  // Lists the app users on the call. The token of the selected user is used for requests.
  #people() {
    const shown = this.#sessions.find(session => session.id === (this.#chosen ?? this.#sessions[0]?.id));
    const people = shown?.people.filter(person => this.#bearers[person]) ?? [];
    const select = this.$('acting-as');
    if (people.join() === [...select.options].map(option => option.value).join()) return;
    const before = select.value;
    select.replaceChildren(...people.map(person => el('option', { value: person }, capital(person))));
    if (people.includes(before)) select.value = before;
  }

  // Rings the selected phones. The first one to answer gets the call.
  #ringOneOf() {
    const candidate = address => address.startsWith('client:') ? { identity: address.slice('client:'.length) } : { phoneNumber: address };
    const oneOf = [...this.$('one-of-phones').selectedOptions].map(option => candidate(option.value));
    const strategy = this.$('one-of-strategy').value;
    return attempt(() => this.#client.addParticipant(this.#id, { oneOf, strategy, label: 'interpreter' }));
  }

  #candidate({ identity, phoneNumber, state, reason }) {
    const called = capital(identity ?? this.#names.get(phoneNumber) ?? phoneNumber);
    return `${called}: ${(reason ?? state).replaceAll('-', ' ')}`;
  }

  async #follow(id, signal) {
    await attempt(async () => {
      for await (const session of this.#client.follow(id, { signal })) {
        this.#source('live events');
        this.#render(id, session);
      }
    });
  }

  #source(words) {
    const tag = this.$('session-source');
    tag.hidden = false;
    text(tag, words);
  }

  #render(id, session) {
    if (id !== this.#id) return;
    this.#document = session;
    this.$('session-none').hidden = true;
    this.$('session-body').hidden = false;
    text(this.$('s-state'), session.state);
    this.$('s-state').dataset.state = session.state;
    text(this.$('s-version'), String(session.version));
    text(this.$('s-reason'), session.endReason ? session.endReason.replaceAll('-', ' ') : '—');
    this.$('s-ended').hidden = !session.endReason;
    this.$('end-call').hidden = session.state === 'ended';
    this.$('s-raw').textContent = JSON.stringify(session, null, 2);
    this.#clock();
    const rows = new Map(session.participants.map(person => [`${id}/${person.id}`, person]));
    for (const [key, row] of this.#rows) {
      if (!rows.has(key)) {
        row.element.remove();
        this.#rows.delete(key);
      }
    }
    for (const [key, person] of rows) {
      if (!this.#rows.has(key)) {
        const row = this.#row();
        this.#rows.set(key, row);
        this.$('s-people').append(row.element);
      }
      this.#rows.get(key).update(person, session.state === 'ended');
    }
  }

  #row() {
    let now;
    const name = el('strong');
    const about = el('small');
    const state = el('span', { class: 'state' });
    const patch = flags => attempt(() => this.#client.changeParticipant(this.#id, now.id, flags));
    const mute = el('button', { type: 'button', class: 'small' });
    const hold = el('button', { type: 'button', class: 'small' });
    const remove = el('button', { type: 'button', class: 'small danger quiet' }, 'Remove');
    mute.addEventListener('click', () => patch({ muted: !now.muted }));
    hold.addEventListener('click', () => patch({ hold: !now.hold }));
    remove.addEventListener('click', () => attempt(() => this.#client.removeParticipant(this.#id, now.id)));
    return {
      element: el('li', {}, el('div', { class: 'who' }, name, about), state, el('div', { class: 'actions' }, mute, hold, remove)),
      update: (person, ended) => {
        now = person;
        const gone = person.state === 'left' || person.state === 'not-reached';
        const called = capital(person.identity ?? person.label ?? this.#names.get(person.phoneNumber) ?? person.phoneNumber ?? person.id);
        text(name, called);
        const held = person.heldBy && !gone ? `held by ${person.heldBy}` : null;
        const candidates = (person.candidates ?? []).map(one => this.#candidate(one));
        const reason = person.reason?.replaceAll('-', ' ');
        text(about, [person.role, person.phoneNumber, reason, held, ...candidates].filter(Boolean).join(' · '));
        text(state, person.hold && !gone ? 'on hold' : person.muted && !gone ? 'muted' : person.state);
        state.dataset.state = person.state;
        text(mute, person.muted ? 'Unmute' : 'Mute');
        text(hold, person.hold ? 'Resume' : 'Hold');
        hold.setAttribute('aria-label', `${person.hold ? 'Resume' : 'Hold'} ${called}`);
        mute.setAttribute('aria-label', `${person.muted ? 'Unmute' : 'Mute'} ${called}`);
        remove.setAttribute('aria-label', `Remove ${called}`);
        mute.hidden = hold.hidden = ended || person.state !== 'connected';
        remove.hidden = ended || gone;
      },
    };
  }

  #clock() {
    const session = this.#document;
    if (!session) return;
    const end = session.endedAt ? new Date(session.endedAt) : new Date();
    const seconds = Math.max(0, Math.round((end - new Date(session.startedAt)) / 1000));
    text(this.$('s-lasts'), `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
  }
}
