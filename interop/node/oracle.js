// HubSpot's official SDK as an oracle: reads cases as JSON, prints the signatures it computes.
'use strict';
const { Signature } = require('@hubspot/api-client');

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const signatures = cases.map(({ version, secret, method, url, body, timestamp }) =>
  Signature.getSignature(method, version, { clientSecret: secret, requestBody: body, url, timestamp }));
process.stdout.write(JSON.stringify(signatures));
