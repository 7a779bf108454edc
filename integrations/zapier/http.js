'use strict';

/** Where a path of the API is, at the address that the user has given. */
const api = (bundle, path) => `${bundle.authData.base_url.replace(/\/+$/, '')}/api/v1/${path}`;

/** Every request carries the key. */
const withKey = (request, z, bundle) => {
  if (bundle.authData && bundle.authData.api_key) {
    request.headers['X-API-Key'] = bundle.authData.api_key;
  }
  return request;
};

/** What our problems (RFC 9457) say, in the user's words; throttled requests are repeated by Zapier. */
const withProblems = (response, z) => {
  if (response.status < 400) {
    return response;
  }
  const problem = explained(response);
  if (response.status === 401) {
    throw new z.errors.ExpiredAuthError('The API key is not accepted any more; connect with a new one.');
  }
  if (response.status === 429 || response.status === 503) {
    throw new z.errors.ThrottledError(problem, seconds(response));
  }
  throw new z.errors.Error(problem, 'SyncerProblem', response.status);
};

const explained = (response) => {
  const told = response.data || {};
  const parts = (told.errors || []).map((one) => `${one.at}: ${one.detail}`);
  return [told.detail || told.title || `HTTP ${response.status}`, ...parts].join('; ');
};

const seconds = (response) => Number.parseInt(response.getHeader('retry-after'), 10) || 60;

/** A key under which the engine does a thing once: of this Zap, and of whatever the user says makes a request one. */
const onceFor = (z, bundle, requestId) => {
  const zap = (bundle.meta && bundle.meta.zap && bundle.meta.zap.id) || 0;
  return { 'Idempotency-Key': `zapier-${zap}-${z.hash('sha256', String(requestId))}` };
};

/** The field that makes a request one. */
const requestId = (required) => ({
  key: 'request_id',
  label: 'Unique ID',
  type: 'string',
  required,
  helpText:
    'Map an ID of the trigger here (its `ID`). A replayed or repeated Zap with the same ID does nothing twice.',
});

/** Fields without those that the user has left empty. */
const given = (fields) =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '')
  );

module.exports = { api, withKey, withProblems, onceFor, requestId, given };
