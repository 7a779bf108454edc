'use strict';

const authentication = require('./authentication');
const { withKey, withProblems } = require('./http');
const triggers = require('./triggers');
const sendMessage = require('./creates/send_message');
const upsertContact = require('./creates/upsert_contact');
const startCampaign = require('./creates/start_campaign');
const findContact = require('./searches/find_contact');

module.exports = {
  version: require('./package.json').version,
  platformVersion: require('./package.json').dependencies['zapier-platform-core'],
  authentication,
  beforeRequest: [withKey],
  afterResponse: [withProblems],
  triggers,
  creates: {
    [sendMessage.key]: sendMessage,
    [upsertContact.key]: upsertContact,
    [startCampaign.key]: startCampaign,
  },
  searches: { [findContact.key]: findContact },
};
