'use strict';

const { api } = require('./http');

module.exports = {
  type: 'custom',
  fields: [
    {
      key: 'base_url',
      label: 'Address of the engine',
      type: 'string',
      required: true,
      placeholder: 'https://syncer.example.com',
      helpText: 'Where your Syncer web process is reached from the internet, without `/api/v1`.',
    },
    {
      key: 'api_key',
      label: 'API key',
      type: 'password',
      required: true,
      helpText:
        'Made by `syncer keys create zapier --scope messages --scope contacts --scope campaigns --scope hooks`.',
    },
  ],
  test: async (z, bundle) => (await z.request(api(bundle, 'me'))).data,
  connectionLabel: '{{company}} ({{name}})',
};
