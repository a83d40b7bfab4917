// A service that answers as a test says, on a free port of 127.0.0.1.
import { createServer } from 'node:http';
import { once } from 'node:events';

// Each answer takes one request: (request, response) => …. The last one takes all that follow.
export async function serving(t, ...answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const body = await new Response(request).text().catch(() => '');
    asked.push({ method: request.method, path: request.url, headers: request.headers, body: body ? JSON.parse(body) : null });
    (answers.length > 1 ? answers.shift() : answers[0])(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { asked, baseUrl: `http://127.0.0.1:${server.address().port}` };
}

export const json = (status, body, headers = {}) => (_, response) =>
  response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers })
    .end(JSON.stringify(body));

export const empty = status => (_, response) => response.writeHead(status).end();

export const problem = (status, code, headers) =>
  json(status, { type: `urn:calls:problem:${code}`, title: 'A title', status, detail: `It is ${code}.`, code }, headers);

// Sends the text as events. The connection then ends, is cut, or stays open.
export const events = (text, then = 'end') => (_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(text, () => {
    if (then === 'end') response.end();
    if (then === 'cut') response.destroy();
  });
};

export const event = session => `event: session\ndata: ${JSON.stringify(session)}\nid: ${session.version}\n\n`;

export const session = (version, state = 'live', people = ['connected', 'connected']) =>
  ({ sessionId: 's-1', version, state, participants: people.map((each, number) => ({ id: `p${number}`, state: each })) });
