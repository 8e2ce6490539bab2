// A receiving app on Node's own HTTP server: answers 200 and prints what it saw as a line of JSON.
'use strict';
const http = require('http');

const print = (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`);
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    print({
      method: request.method,
      target: request.url,
      verified: request.headers['x-hookward-verified'] || '',
      headers: request.rawHeaders,
      body: Buffer.concat(pieces).toString('latin1'),
    });
    response.end('ok');
  });
});
server.on('clientError', (error, socket) => {
  // A kept connection that the proxy closes is no request.
  if (error.code !== 'ECONNRESET') print({ unreadable: error.code });
  socket.destroy();
});
server.on('upgrade', (request, socket) => {
  print({ unreadable: 'an upgrade' });
  socket.destroy();
});
server.listen(0, '127.0.0.1', () => print({ port: server.address().port }));
