// Node's own HTTP/2 client as a sender. Takes a URL and the file of an authority, and on standard input a request a
// line: its path, its body in Base64 and its headers' names and values, all between tabs. Sends them on one
// connection, 32 at once; prints status and version of each, in their order.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [url, authority] = process.argv.slice(2);
const AT_ONCE = 32;

// Beyond its memory, 10 MB unless told, it refuses answers itself.
const session = http2.connect(url, { ca: fs.readFileSync(authority), maxSessionMemory: 200 });
session.on('error', (error) => { console.error(error); process.exit(1); });

const send = (line) => new Promise((resolve) => {
  const [path, body, ...headers] = line.split('\t');
  const fields = { ':method': 'POST', ':path': path };
  for (let at = 0; at + 1 < headers.length; at += 2) fields[headers[at].toLowerCase()] = headers[at + 1];
  const stream = session.request(fields);
  let status = 'none';
  stream.setTimeout(40_000, () => stream.close());
  stream.on('response', (answer) => { status = answer[':status']; });
  stream.on('error', (error) => { status = `${status}_${error.code}`; });
  // A stream that is reset while it sends may never close, although its answer has come.
  for (const end of ['end', 'close']) stream.on(end, () => resolve(`${status} 2`));
  stream.resume();
  stream.end(Buffer.from(body, 'base64'));
});

const lines = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean);
session.once('remoteSettings', async () => {
  const answers = new Array(lines.length);
  let next = 0;
  const work = async () => {
    while (next < lines.length) {
      const mine = next++;
      answers[mine] = await send(lines[mine]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(answers.join('\n'));
  session.close();
});
