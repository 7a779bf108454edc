'use strict';

const { api } = require('../http');
const samples = require('../samples');

/** For engines that Zapier can be asked from but that may not call out: every few minutes, the newest first. */
module.exports = {
  key: 'changed_contact',
  noun: 'Contact',
  display: {
    label: 'New or Updated Contact (Polling)',
    description: 'Triggers when a customer is new or changes, where the engine cannot call Zapier itself.',
  },
  operation: {
    type: 'polling',
    perform: async (z, bundle) =>
      (await z.request({ url: api(bundle, 'lists/contacts'), params: { limit: 100 } })).data,
    sample: samples.updated,
  },
};
