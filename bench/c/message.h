/* Finds the fields of Bayeux messages in the text of a JSON array, without copying any. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
  const char *at;
  size_t length;
};

struct message {
  struct slice channel, id, client, subscription, data, advice;
};

static bool is(struct slice slice, const char *text) {
  return slice.length == strlen(text) && memcmp(slice.at, text, slice.length) == 0;
}

/* The end of the JSON value that begins here. */
static const char *skip_value(const char *at, const char *end) {
  int depth = 0;
  bool is_quoted = false;
  for (; at < end; at++) {
    if (is_quoted) {
      if (*at == '\\') at++;
      else if (*at == '"' && (is_quoted = false, depth == 0)) return at + 1;
    } else if (*at == '"') {
      is_quoted = true;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (*at == '}' || *at == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (depth == 0 && *at == ',') {
      return at;
    }
  }
  return end;
}

/* Reads the next object of an array, with no spaces between its tokens; NULL when there is none. */
static const char *next_message(const char *at, const char *end, struct message *message) {
  *message = (struct message){0};
  while (at < end && *at != '{') at++;
  if (at == end) return NULL;
  for (at++; at < end && *at == '"';) {
    const char *name_end = skip_value(at, end);
    if (name_end - at < 2 || end - name_end < 2) return NULL;
    struct slice name = {at + 1, (size_t)(name_end - at) - 2};
    const char *value = name_end + 1;
    const char *value_end = skip_value(value, end);
    struct slice raw = {value, (size_t)(value_end - value)};
    struct slice text = *value == '"' && raw.length >= 2 ? (struct slice){value + 1, raw.length - 2} : raw;
    if (is(name, "channel")) message->channel = text;
    else if (is(name, "id")) message->id = text;
    else if (is(name, "clientId")) message->client = text;
    else if (is(name, "subscription")) message->subscription = raw;
    else if (is(name, "data")) message->data = raw;
    else if (is(name, "advice")) message->advice = raw;
    at = value_end < end && *value_end == ',' ? value_end + 1 : value_end;
  }
  return at;
}
