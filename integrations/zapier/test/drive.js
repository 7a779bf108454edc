'use strict';

// Runs the app's functions as Zapier does, against an engine: node test/drive.js BASE_URL API_KEY TARGET_URL
// Prints one JSON document of what each step gave.
const zapier = require('zapier-platform-core');

const app = require('..');

const [baseUrl, apiKey, targetUrl] = process.argv.slice(2);
const run = zapier.createAppTester(app);
const authData = { base_url: `${baseUrl}/`, api_key: apiKey };

const step = (operation, inputData = {}, more = {}) =>
  run(operation, { authData, inputData, meta: { zap: { id: 7 } }, ...more });

const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return { name: error.name, message: error.message };
  }
  return null;
};

const main = async () => {
  const told = {};
  told.me = await step(app.authentication.test);
  told.hooks = {};
  for (const [key, trigger] of Object.entries(app.triggers)) {
    if (trigger.operation.type === 'hook') {
      const { performSubscribe, performUnsubscribe, performList, perform } = trigger.operation;
      const list = await step(performList);
      const subscribed = await step(performSubscribe, {}, { targetUrl });
      const again = await step(performSubscribe, {}, { targetUrl });
      await step(performUnsubscribe, {}, { subscribeData: subscribed });
      await step(performUnsubscribe, {}, { subscribeData: subscribed });
      const delivered = await step(perform, {}, { cleanedRequest: list[0] });
      told.hooks[key] = { list, subscribed, again, delivered };
    }
  }
  const { send_message: send, upsert_contact: upsert, start_campaign: campaign } = app.creates;
  const person = { phone: '0912-345-678', full_name: '王小明', tags: ['vip'], custom: { level: 'gold' } };
  told.upserted = await step(upsert.operation.perform, { ...person, request_id: 'row 1' });
  told.upsertedAgain = await step(upsert.operation.perform, { ...person, city: '', request_id: 'row 1' });
  told.kept = await step(upsert.operation.perform, { external_id: 'held', phone: '0987654321' });
  const template = {
    template: 'order_confirmation',
    language: 'zh_TW',
    parameters: ['王小明', 'A-1001', '1,280'],
  };
  const message = { phone: '0912345678', ...template, request_id: '訂單 1001' };
  told.sent = await step(send.operation.perform, message);
  told.sentAgain = await step(send.operation.perform, message);
  told.sentNext = await step(send.operation.perform, { ...message, request_id: '1002' });
  const plan = { name: 'November', ...template, contact_ids: [told.upserted.id], request_id: '17' };
  told.campaign = await step(campaign.operation.perform, plan);
  told.campaignAgain = await step(campaign.operation.perform, plan);
  const find = app.searches.find_contact.operation.perform;
  told.found = await step(find, { by: 'phone', value: '0912-345-678' });
  told.foundNobody = await step(find, { by: 'email', value: 'nobody@example.com' });
  told.polled = await step(app.triggers.changed_contact.operation.perform);
  told.refused = {
    both: await refusal(step(send.operation.perform, { ...message, text: 'hi' })),
    phone: await refusal(step(send.operation.perform, { ...message, phone: '12', request_id: 'x' })),
    key: await refusal(run(app.authentication.test, { authData: { ...authData, api_key: 'wrong' } })),
  };
  console.log(JSON.stringify(told));
};

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
