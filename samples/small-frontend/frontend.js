// A whole frontend: place a call, follow it, add a person, and handle a refusal. The sandbox takes the part of the two phones.
import { CallsClient, CallsError } from '@calls/client';

const sandbox = process.env.CALLS_SANDBOX ?? 'http://127.0.0.1:5081';
const { people, api } = await (await fetch(new URL('/sandbox/about', sandbox))).json();
const client = new CallsClient({ baseUrl: api, bearer: people.alice });

const { identity } = await client.token();
const id = `small-${Date.now()}`;
const steps = new Set();
await connect('bob', id);
for await (const session of client.follow(id)) {
  console.log(`${session.state}: ${session.participants.map(nameAndState).join(', ')}`);
  const lawyer = session.participants.find(person => person.label === 'lawyer');
  if (session.state === 'live' && first('add')) {
    await add('911', 'police');
    await add('+15550100188', 'lawyer');
  }
  if (lawyer?.state === 'connected' && first('end')) await client.endCall(id);
  if (session.endReason && first('say why')) console.log(`The call has ended: ${session.endReason}`);
}

async function add(phoneNumber, label) {
  try {
    await client.addParticipant(id, { phoneNumber, label });
  } catch (error) {
    if (!(error instanceof CallsError)) throw error;
    console.log(`${label} was not added (${error.code}): ${error.message}`);
  }
}

// With a Twilio account, the Voice SDK connects: device.connect({ params: { To: to, SessionID: session } })
async function connect(to, session) {
  await fetch(new URL(`/phones/client:${identity}/call?to=${to}&session=${session}`, sandbox), { method: 'POST' });
}

function nameAndState({ identity, label, phoneNumber, state, reason }) {
  return `${identity ?? label ?? phoneNumber} ${state}${reason ? ` (${reason})` : ''}`;
}

function first(step) {
  return !steps.has(step) && steps.add(step);
}
