// A peer on Node's tls module, with the options of peer.c.
//
// Node gives the same 'end' for close_notify and for a bare end of stream, so a missing close_notify
// is not seen here: that actpass sent one is what its log line `reason=CLEAN` and the others prove.
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const { parseArgs } = require('util');

const text = { type: 'string' };
const { values: options } = parseArgs({
    options: { role: text, version: text, first: text, connect: text, cert: text, key: text,
        ca: text, name: text, send: text, expect: text },
});
const DEADLINE_MS = 60000;
const CHUNK = 65536;
const data = fs.readFileSync(options.send);
const want = fs.readFileSync(options.expect);
const isServer = options.role === 'tls-server';

function fail(why) {
    console.error(why instanceof Error ? `${why.code || ''} ${why.message}` : why);
    process.exit(1);
}

function settings() {
    const version = `TLSv${options.version}`;
    return { cert: fs.readFileSync(options.cert), key: fs.readFileSync(options.key),
        ca: fs.readFileSync(options.ca), minVersion: version, maxVersion: version };
}

function sendAll(peer) {
    let sent = 0;
    (function more() {
        while (sent < data.length) {
            const good = peer.write(data.subarray(sent, sent + CHUNK));
            sent += CHUNK;
            if (!good) {
                peer.once('drain', more);
                return;
            }
        }
    })();
}

function exchange(peer) {
    let received = 0;
    peer.on('data', (chunk) => {
        if (!want.subarray(received, received + chunk.length).equals(chunk)) {
            fail('read: other data than expected');
        }
        received += chunk.length;
        if (received === want.length && options.first === 'peer') {
            peer.end(); // after all that was written: close_notify, then TCP's end
        }
    });
    peer.on('end', () => {
        if (received < want.length) {
            fail('read: end before all data');
        }
        if (options.first !== 'peer') {
            peer.end();
        }
    });
    sendAll(peer);
}

function start(sock) {
    sock.setNoDelay(true);
    const context = tls.createSecureContext(settings());
    let peer;
    if (isServer) {
        peer = new tls.TLSSocket(sock, { isServer: true, secureContext: context,
            requestCert: true, rejectUnauthorized: true, allowHalfOpen: true });
        peer.on('secure', () => {
            const problem = peer.ssl.verifyError() ||
                tls.checkServerIdentity(options.name, peer.getPeerCertificate());
            return problem ? fail(problem) : exchange(peer);
        });
    } else {
        peer = tls.connect({ socket: sock, secureContext: context, servername: options.name,
            rejectUnauthorized: true, allowHalfOpen: true }, () => exchange(peer));
    }
    peer.on('error', fail);
    peer.on('close', (hadError) => process.exit(hadError ? 1 : 0));
}

setTimeout(() => fail('timed out'), DEADLINE_MS);
if (options.connect && options.connect !== '0') {
    const sock = net.connect({ port: Number(options.connect), host: '127.0.0.1', allowHalfOpen: true });
    sock.on('error', fail);
    sock.on('connect', () => start(sock));
} else {
    const server = net.createServer({ allowHalfOpen: true }, (sock) => {
        server.close();
        start(sock);
    });
    server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
}
