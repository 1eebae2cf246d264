/* What a server must answer to the key in the handshake of a WebSocket (RFC 6455, 4.2.2): base64 of SHA-1. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

/* SHA-1 of less than 120 bytes, which is what the handshake of WebSocket needs. */
static void sha1(const char *text, size_t length, unsigned char digest[20]) {
  unsigned char blocks[128] = {0};
  size_t size = length < 56 ? 64 : 128;
  memcpy(blocks, text, length);
  blocks[length] = 0x80;
  blocks[size - 2] = (unsigned char)(length * 8 >> 8);
  blocks[size - 1] = (unsigned char)(length * 8);
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (unsigned char *block = blocks; block < blocks + size; block += 64) {
    uint32_t word[80];
    for (int i = 0; i < 80; i++) {
      const unsigned char *four = block + 4 * i;
      word[i] = i < 16 ? (uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 | (uint32_t)four[2] << 8 | four[3]
                       : rotate(word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16], 1);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
      uint32_t mix = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
      uint32_t next = rotate(a, 5) + mix + e + word[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char *from, size_t length, char *to) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < length; i += 3) {
    uint32_t three = (uint32_t)from[i] << 16 | (i + 1 < length ? (uint32_t)from[i + 1] << 8 : 0) |
                     (i + 2 < length ? from[i + 2] : 0);
    for (int sextet = 0; sextet < 4; sextet++) *to++ = letters[three >> (18 - 6 * sextet) & 63];
  }
  for (size_t i = length % 3; i % 3 != 0; i++) to[(ptrdiff_t)i - 3] = '=';
  *to = 0;
}

/* `accept` has room for 32 characters; a key has at most 60. */
static void accept_key(const char *key, char *accept) {
  char text[100];
  snprintf(text, sizeof text, "%.60s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  unsigned char digest[20];
  sha1(text, strlen(text), digest);
  base64(digest, sizeof digest, accept);
}
