// What apps on Express do before they pass a request on: the path says what. The answer is the body that goes on.
'use strict';
const express = require('express');

const app = express();
const give = (response, body) => response.type('application/octet-stream').send(Buffer.from(body ?? ''));
const json = express.json({ type: '*/*', strict: false });
app.post('/json', json, (request, response) => give(response, JSON.stringify(request.body)));
app.post('/pretty', json, (request, response) => give(response, JSON.stringify(request.body, null, 2)));
app.post('/twice', json, (request, response) => give(response, JSON.stringify(JSON.stringify(request.body))));
app.post('/text', express.text({ type: '*/*' }), (request, response) => give(response, JSON.stringify(request.body)));
app.post('/form', express.urlencoded({ type: '*/*', extended: false }), (request, response) => give(response, JSON.stringify(request.body)));
app.post('/raw', express.raw({ type: '*/*' }), (request, response) => give(response, request.body));
app.post('/latin', express.raw({ type: '*/*' }), (request, response) => give(response, request.body.toString('latin1')));
// Without a parser: `request.body` is undefined, and so is what is made of it.
app.post('/nothing', (request, response) => give(response, JSON.stringify(request.body)));
// After a parser has read the stream, nothing is left in it.
app.post('/consumed', json, (request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  if (request.readableEnded) give(response, Buffer.concat(pieces));
  else request.on('end', () => give(response, Buffer.concat(pieces)));
});
const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
