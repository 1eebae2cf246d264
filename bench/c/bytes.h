/* Bytes that grow. Whoever has no memory left ends. */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

struct bytes {
  char *at;
  size_t length, room;
};

static void reserve(struct bytes *bytes, size_t more) {
  if (bytes->length + more <= bytes->room) return;
  bytes->room = (bytes->length + more) * 2;
  bytes->at = realloc(bytes->at, bytes->room);
  if (!bytes->at) fail("realloc");
}

static void append(struct bytes *bytes, const void *from, size_t length) {
  if (length == 0) return;
  reserve(bytes, length);
  memcpy(bytes->at + bytes->length, from, length);
  bytes->length += length;
}

static void print(struct bytes *bytes, const char *format, ...) {
  for (;;) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = bytes->room - bytes->length;
    size_t length = (size_t)vsnprintf(bytes->at ? bytes->at + bytes->length : NULL, room, format, arguments);
    va_end(arguments);
    if (length < room) {
      bytes->length += length;
      return;
    }
    reserve(bytes, length + 1);
  }
}

static void discard(struct bytes *bytes) {
  free(bytes->at);
  *bytes = (struct bytes){0};
}
