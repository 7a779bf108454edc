'use strict';

const { api, onceFor, requestId } = require('../http');

const perform = async (z, bundle) => {
  const input = bundle.inputData;
  const parameters = input.parameters || [];
  const response = await z.request({
    url: api(bundle, 'campaigns'),
    method: 'POST',
    headers: onceFor(z, bundle, input.request_id),
    body: {
      name: input.name,
      template: input.template,
      language: input.language,
      recipients: input.contact_ids.map((id) => ({ contact_id: Number(id), parameters })),
    },
  });
  return response.data;
};

module.exports = {
  key: 'start_campaign',
  noun: 'Campaign',
  display: {
    label: 'Start Campaign',
    description: 'Sends one approved template to several customers; consent is checked for each when it leaves.',
  },
  operation: {
    inputFields: [
      { key: 'name', label: 'Name', type: 'string', required: true },
      { key: 'template', label: 'Template', type: 'string', required: true },
      { key: 'language', label: 'Language', type: 'string', required: true, placeholder: 'zh_TW' },
      { key: 'contact_ids', label: 'Contact IDs', type: 'integer', list: true, required: true },
      { key: 'parameters', label: 'Values of the template, in order', type: 'string', list: true },
      requestId(true),
    ],
    perform,
    sample: { id: 5, name: 'November', state: 'running', template: 'order_confirmation', language: 'zh_TW' },
  },
};
