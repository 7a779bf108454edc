'use strict';

const { api } = require('../http');

/** A trigger that is told by the engine of one kind of event, the moment it happens. */
module.exports = ({ key, noun, label, description, event, sample }) => ({
  key,
  noun,
  display: { label, description },
  operation: {
    type: 'hook',
    performSubscribe: async (z, bundle) => {
      const response = await z.request({
        url: api(bundle, 'hooks'),
        method: 'POST',
        body: { event, target_url: bundle.targetUrl },
      });
      return { id: response.data.id };
    },
    performUnsubscribe: async (z, bundle) => {
      await z.request({ url: api(bundle, `hooks/${bundle.subscribeData.id}`), method: 'DELETE' });
      return {};
    },
    perform: (z, bundle) => [bundle.cleanedRequest].flat(),
    performList: async (z, bundle) => (await z.request(api(bundle, `hooks/samples/${event}`))).data,
    sample,
  },
});
