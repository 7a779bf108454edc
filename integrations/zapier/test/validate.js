'use strict';

// Prints what Zapier's own schema has against the definition, as JSON; exits with 1 if there is anything.
const { validateAppDefinition } = require('zapier-platform-schema');

/** The definition as Zapier reads it: functions become a mark. */
const compiled = (value) => {
  if (typeof value === 'function') {
    return `$func$${value.length}$f$`;
  }
  if (Array.isArray(value)) {
    return value.map(compiled);
  }
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compiled(inner)]));
  }
  return value;
};

const definition = compiled(require('..'));
if (process.argv[2]) {
  delete definition[process.argv[2]];
}
const { errors } = validateAppDefinition(definition);
console.log(JSON.stringify(errors.map((one) => ({ at: one.property, problem: one.stack }))));
process.exitCode = errors.length ? 1 : 0;
