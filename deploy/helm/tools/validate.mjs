// node validate.mjs < manifests.yaml: checks manifests against the schema of the API server (required, enumerated, patterned),
// without an API server.
// It does not find unknown fields. The strict load in tests/Chart.Tests finds them.
import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';

const packages = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'keda.sh': '@kubernetes-models/keda',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
};
const unknown = new Set(['external-secrets.io/v1']); // the packages have no schema for it

let checked = 0;
const wrong = [];
for (const object of loadAll(readFileSync(0, 'utf8')).filter(Boolean)) {
  const [version, group = ''] = object.apiVersion.split('/').reverse();
  if (unknown.has(object.apiVersion)) continue;
  checked++;
  try {
    const models = await import([packages[group] ?? 'kubernetes-models', group, version].filter(Boolean).join('/'));
    if (!models[object.kind]) throw new Error('is an unknown kind');
    new models[object.kind](object).validate();
  } catch (error) {
    wrong.push(`${object.kind} ${object.metadata?.name}: ${error.message}`);
  }
}
console.log(wrong.join('\n') || `${checked} objects are valid`);
process.exit(wrong.length ? 1 : 0);
