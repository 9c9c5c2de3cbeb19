// A STUN server that tells whoever asks what address it sees (RFC 8489, §14.2), and no more.

import { createSocket } from 'node:dgram';

const HEADER = 20;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;
const COOKIE = 0x2112a442;

function answer(request, { address, port }) {
  const response = Buffer.alloc(HEADER + 12);
  response.writeUInt16BE(BINDING_SUCCESS, 0);
  response.writeUInt16BE(12, 2);
  request.copy(response, 4, 4, HEADER); // the cookie and the transaction's id
  response.writeUInt16BE(XOR_MAPPED_ADDRESS, 20);
  response.writeUInt16BE(8, 22);
  response.writeUInt8(1, 25); // IPv4
  response.writeUInt16BE(port ^ (COOKIE >>> 16), 26);
  address.split('.').forEach((byte, i) => response.writeUInt8(byte ^ response[4 + i], 28 + i));
  return response;
}

// Yields its URI, on 127.0.0.1, and a way to stop.
export async function serveStun() {
  const socket = createSocket('udp4');
  socket.on('message', (request, from) => {
    const isOurs = request.length >= HEADER && request.readUInt16BE(0) === BINDING_REQUEST;
    if (isOurs) socket.send(answer(request, from), from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { uri: `stun:127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}
