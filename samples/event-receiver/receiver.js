// Receives the events of calls (docs/events.md). Start it with the secret of Calls:Webhooks:{name}:Secret:
//   SECRET=whsec_… PORT=8090 npm start
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.SECRET)
// A real system keeps the newest version of each call in its database.
const newest = new Map()

async function receive(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  // The signature is over the bytes of the body. The library also refuses an event that is older than five minutes.
  const { type, data } = webhook.verify(Buffer.concat(chunks).toString('utf8'), request.headers)
  // The same event can arrive twice.
  if (data.version <= (newest.get(data.sessionId) ?? 0)) return
  newest.set(data.sessionId, data.version)
  const seconds = type === 'session.ended' ? `, ${data.durationSeconds} s, ${data.endReason}` : ''
  console.log(`${type} ${data.sessionId} v${data.version}: ${data.participants.map(p => `${p.id} ${p.state}`).join(', ')}${seconds}`)
}

createServer(async (request, response) => {
  try {
    await receive(request)
    response.writeHead(204).end()
  } catch (error) {
    // 410 would tell the service to send nothing more.
    console.log(`refused: ${error.message}`)
    response.writeHead(400).end()
  }
}).listen(Number(process.env.PORT ?? 8090), '127.0.0.1', () => console.log('listening'))
