'use strict';

const { api, given, onceFor, requestId } = require('../http');

const FIELDS = [
  { key: 'external_id', label: 'Your own ID', type: 'string' },
  { key: 'phone', label: 'Phone', type: 'string', helpText: 'In any writing.' },
  { key: 'email', label: 'E-mail', type: 'string' },
  { key: 'full_name', label: 'Name', type: 'string' },
  { key: 'company', label: 'Company', type: 'string' },
  { key: 'city', label: 'City', type: 'string' },
  { key: 'country', label: 'Country', type: 'string' },
  { key: 'language', label: 'Language', type: 'string', placeholder: 'zh_TW' },
  { key: 'tags', label: 'Tags', type: 'string', list: true },
  { key: 'notes', label: 'Notes', type: 'text' },
  { key: 'source', label: 'Source', type: 'string' },
  {
    key: 'marketing_consent',
    label: 'Agreed to promotional messages',
    type: 'boolean',
    helpText: 'Only what the customer has really said.',
  },
];

const perform = async (z, bundle) => {
  const input = bundle.inputData;
  const fields = given(Object.fromEntries(FIELDS.map(({ key }) => [key, input[key]])));
  const custom = Object.entries(input.custom || {}).map(([name, value]) => [`custom.${name}`, value]);
  const response = await z.request({
    url: api(bundle, 'contacts'),
    method: 'POST',
    headers: input.request_id ? onceFor(z, bundle, input.request_id) : {},
    body: { ...fields, ...given(Object.fromEntries(custom)) },
  });
  return response.data;
};

module.exports = {
  key: 'upsert_contact',
  noun: 'Contact',
  display: {
    label: 'Create or Update Contact',
    description: 'Finds a customer by your ID, phone or e-mail address and updates them, or makes a new one.',
  },
  operation: {
    inputFields: [
      ...FIELDS,
      { key: 'custom', label: 'Fields of your own', dict: true, helpText: 'Lower case, such as `membership_level`.' },
      requestId(false),
    ],
    perform,
    sample: { result: 'created', id: 17, key: '+886912345678' },
  },
};
