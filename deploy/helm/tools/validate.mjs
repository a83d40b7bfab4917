// node validate.mjs < manifests.yaml: what the API server's schema would say (required, enumerated, patterned), without an API server.
// Unknown fields it does not see; the strict load in tests/Chart.Tests does.
import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';

const packages = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
};
const unknown = new Set(['external-secrets.io/v1']); // no schema of it is published there

let checked = 0;
const wrong = [];
for (const object of loadAll(readFileSync(0, 'utf8')).filter(Boolean)) {
  const [version, group = ''] = object.apiVersion.split('/').reverse();
  if (unknown.has(object.apiVersion)) continue;
  checked++;
  try {
    const models = await import([packages[group] ?? 'kubernetes-models', group, version].filter(Boolean).join('/'));
    if (!models[object.kind]) throw new Error('is not a kind that is known');
    new models[object.kind](object).validate();
  } catch (error) {
    wrong.push(`${object.kind} ${object.metadata?.name}: ${error.message}`);
  }
}
console.log(wrong.join('\n') || `${checked} objects are valid`);
process.exit(wrong.length ? 1 : 0);
