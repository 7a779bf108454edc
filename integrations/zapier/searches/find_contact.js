'use strict';

const { api } = require('../http');
const samples = require('../samples');

const KEYS = { phone: 'Phone', email: 'E-mail', external_id: 'ID in a CRM, or your own ID' };

module.exports = {
  key: 'find_contact',
  noun: 'Contact',
  display: {
    label: 'Find Contact',
    description: 'Finds a customer by phone, e-mail address or ID.',
  },
  operation: {
    inputFields: [
      { key: 'by', label: 'Find by', type: 'string', choices: KEYS, default: 'phone', required: true },
      { key: 'value', label: 'Value', type: 'string', required: true },
    ],
    perform: async (z, bundle) => {
      const { by, value } = bundle.inputData;
      return (await z.request({ url: api(bundle, 'contacts'), params: { [by]: value } })).data;
    },
    sample: samples.found,
  },
};
