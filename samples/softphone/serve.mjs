// Serves dist/ and forwards /v1 to Calls. Both then have the same origin, and the content security policy is strict.
//   CALLS_API      the address of Calls, by default http://127.0.0.1:5080
//   CALLS_SANDBOX  the address of the sandbox's page, by default http://127.0.0.1:5081; if it is empty, a Twilio account is used
//   PORT           the port of this server, by default 5090
import { createServer, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const api = process.env.CALLS_API || 'http://127.0.0.1:5080';
const sandbox = process.env.CALLS_SANDBOX ?? 'http://127.0.0.1:5081';
const port = Number(process.env.PORT || 5090);
const dist = fileURLToPath(new URL('dist/', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.txt': 'text/plain' };
const passed = ['accept', 'authorization', 'content-type', 'content-length', 'idempotency-key', 'if-match', 'last-event-id'];

// The Voice SDK uses a web socket for signalling, HTTPS for reports, and sounds from a host of Twilio.
const twilio = sandbox ? '' : ' wss://*.twilio.com https://*.twilio.com';
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  `connect-src 'self'${twilio}`,
  `media-src 'self' blob:${sandbox ? '' : ' https://sdk.twilio.com'}`,
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];
const headers = {
  'Content-Security-Policy': policy.join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': sandbox ? 'microphone=()' : 'microphone=(self)',
  'Cache-Control': 'no-cache',
};

const server = createServer(async (asked, answer) => {
  const path = new URL(asked.url, 'http://localhost').pathname;
  if (path.startsWith('/v1/')) return forward(api, asked, answer);
  if (sandbox && /^\/(phones|sandbox)\//.test(path)) return forward(sandbox, asked, answer);
  if (path === '/config.json')
    return answer.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify({ sandbox: Boolean(sandbox) }));
  const name = path === '/' ? 'index.html' : path.slice(1);
  try {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Error('no such file');
    const body = await readFile(join(dist, name));
    answer.writeHead(200, { ...headers, 'Content-Type': types[extname(name)] ?? 'application/octet-stream' }).end(body);
  } catch {
    answer.writeHead(404, headers).end();
  }
});

function forward(to, asked, answer) {
  const target = new URL(asked.url, to);
  const onward = (target.protocol === 'https:' ? requestTls : request)(target, {
    method: asked.method,
    headers: Object.fromEntries(passed.filter(name => asked.headers[name]).map(name => [name, asked.headers[name]])),
  }, reply => {
    answer.writeHead(reply.statusCode, { ...reply.headers, 'X-Content-Type-Options': 'nosniff' });
    reply.pipe(answer);
  });
  onward.on('error', () => answer.headersSent ? answer.destroy() : answer.writeHead(502, headers).end());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}

server.listen(port, '127.0.0.1', () => {
  const mode = sandbox ? `with the sandbox at ${sandbox}` : 'with a Twilio account';
  console.log(`http://127.0.0.1:${server.address().port}/  (${mode}, and Calls at ${api})`);
});
