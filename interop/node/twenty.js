// A sender that signs and sends as Twenty does: the timestamp, a colon and JSON.stringify(payload)
// under HMAC-SHA256, the payload itself given to axios. Prints a line of JSON for each event.
'use strict';
const crypto = require('crypto');
const [url, secret, client] = process.argv.slice(2);
const axios = require(client);

const envelope = (name, record, more = {}) => ({
  targetUrl: url,
  eventName: name,
  objectMetadata: { id: '370985db-22d8-4463-8e5f-2271d30913bd', nameSingular: name.split('.')[0] },
  workspaceId: '872cfcf1-c79f-42b2-877d-5829f60ef3f9',
  webhookId: '90055586-1228-4e03-a507-d7014a85c035',
  eventDate: new Date().toISOString(),
  record,
  ...more,
});

// `intact` is false where axios is known to send other bytes than were signed.
const events = [
  ['record created', envelope('person.created', { id: 'x', name: { firstName: 'Ada' }, deletedAt: null })],
  ['record updated', envelope('person.updated', { id: 'x' }, { updatedFields: ['name', 'emails'] })],
  ['metadata', { ...envelope('objectMetadata.created', undefined), metadata: { labels: ['a', 'b'], isActive: true } }],
  ['non-ASCII', envelope('company.created', { name: 'Žluťoučký kůň – naïve café 株式会社 λβγ 🚀👩‍👩‍👧' })],
  ['escapes', envelope('note.created', { text: 'a"b\\c/d\b\f\n\r\t\u0000\u001f\u2028\u2029</script>' })],
  ['lone surrogates', envelope('note.created', { high: '\ud83d', low: '\ude80', swapped: '\ude80\ud83d' })],
  ['numbers', envelope('deal.created', { n: [0, -0, 1e21, 1.5e-7, 9007199254740993, 0.1 + 0.2, 1e308, NaN, Infinity] })],
  ['integer-like keys', envelope('x.created', { 10: 'ten', 2: 'two', b: 1, '01': 'x', a: 2 })],
  ['nested nulls', envelope('x.created', { a: null, b: [null, { c: null, d: [[], {}] }], e: undefined })],
  ['empty record', envelope('x.deleted', {})],
  ['dates', envelope('x.created', { at: new Date(0), list: [new Date(1)] })],
  ['1 MiB', envelope('x.created', { blob: 'é'.repeat(1 << 19) })],
  ['dropped keys', envelope('x.created', { nested: { constructor: 'gone', prototype: 1, kept: 2 } })],
];

(async () => {
  for (const [name, payload] of events) {
    const timestamp = String(Date.now());
    const text = JSON.stringify(payload);
    const signature = crypto.createHmac('sha256', secret).update(`${timestamp}:${text}`).digest('hex');
    const headers = {
      'Content-Type': 'application/json',
      'X-Twenty-Webhook-Timestamp': timestamp,
      'X-Twenty-Webhook-Signature': signature,
      'X-Twenty-Webhook-Nonce': crypto.randomBytes(16).toString('hex'),
    };
    const send = async (data, extra) => {
      const response = await axios.post(url, data, {
        headers: { ...headers, ...extra }, timeout: 5000, validateStatus: () => true, maxBodyLength: Infinity,
      });
      return response.status;
    };
    const status = await send(payload, {});
    const flipped = (parseInt(signature[0], 16) ^ 1).toString(16) + signature.slice(1);
    const forged = await send(payload, { 'X-Twenty-Webhook-Signature': flipped });
    console.log(JSON.stringify({ name, status, forged, signed: Buffer.from(text).toString('base64') }));
  }
})();
