'use strict';

const { api, given, onceFor, requestId } = require('../http');

/** A text within the customer service window, or a template at any time: one of the two. */
const content = (z, input) => {
  if (Boolean(input.text) === Boolean(input.template)) {
    throw new z.errors.Error('Give either a text or a template.', 'InvalidData', 400);
  }
  return input.text
    ? { text: { body: input.text } }
    : { template: { name: input.template, language: input.language || '', parameters: input.parameters || [] } };
};

const recipient = (input) => (input.contact_id ? { contact_id: input.contact_id } : { phone: input.phone || '' });

const perform = async (z, bundle) => {
  const input = bundle.inputData;
  const response = await z.request({
    url: api(bundle, 'messages'),
    method: 'POST',
    headers: onceFor(z, bundle, input.request_id),
    body: given({ to: recipient(input), ...content(z, input), reply_to: input.reply_to }),
  });
  return response.data;
};

module.exports = {
  key: 'send_message',
  noun: 'Message',
  display: {
    label: 'Send WhatsApp Message',
    description: 'Sends a text or an approved template to one customer.',
  },
  operation: {
    inputFields: [
      { key: 'phone', label: 'Phone', type: 'string', helpText: 'In any writing. Or give the contact below.' },
      { key: 'contact_id', label: 'Contact ID', type: 'integer' },
      {
        key: 'text',
        label: 'Text',
        type: 'text',
        helpText: 'Reaches customers who wrote within the last 24 hours. Otherwise use a template.',
      },
      { key: 'template', label: 'Template', type: 'string', helpText: 'Its name, such as `order_confirmation`.' },
      { key: 'language', label: 'Language of the template', type: 'string', placeholder: 'zh_TW' },
      { key: 'parameters', label: 'Values of the template, in order', type: 'string', list: true },
      { key: 'reply_to', label: 'Quoted message (wamid)', type: 'string' },
      requestId(true),
    ],
    perform,
    sample: { id: 98, state: 'planned' },
  },
};
