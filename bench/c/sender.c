/*
 * What an event loop in C costs that only receives, frames once and sends: the limit of the benchmark, for Linux.
 *
 * It speaks as much Bayeux as the load does, over WebSocket and HTTP: handshake, connect (held until there is something
 * to say, forever over WebSocket), subscribe to exact channels, publish and its reply. What is published in one turn of
 * the loop goes to each subscriber with one send(). It checks nothing and forgets nobody.
 *
 * Says "ready PORT"; answers the lines "cpu" (ns) and "memory" (resident and allocated bytes); ends with its stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "accept-key.h"
#include "bytes.h"
#include "message.h"

enum { EVENTS = 1024, BACKLOG = 4096, BUCKETS = 1 << 15, READ_SIZE = 1 << 20, MOST_WAITING = 1 << 26 };

/* ---- Who is there ---- */

struct connection {
  int fd;
  bool is_websocket;
  struct bytes unread;       /* the beginning of a frame or request */
  struct bytes unsent;       /* what the socket did not take */
  struct bytes replies;      /* of this turn, framed */
  struct session *polls_for; /* whose poll is held here */
};

/* Of long-polling; a WebSocket is its own session. */
struct session {
  struct bytes queue; /* messages, with commas between */
  struct connection *parked;
};

struct channel {
  char *name;
  struct channel *next;
  struct connection **sockets;
  struct session **pollers;
  size_t socket_count, socket_room, poller_count, poller_room;
  struct bytes frames, messages; /* of this turn, for sockets and for pollers */
  bool is_dirty;
};

static int loop;
static struct channel *channels[BUCKETS];
static struct channel **dirty;
static size_t dirty_count, dirty_room;
static struct connection **answered;
static size_t answered_count, answered_room;
static struct session **sessions;
static size_t session_count, session_room;
static size_t last_client;

/* Makes room for one more pointer. */
static void *one_more(void *array, size_t count, size_t *room) {
  if (count < *room) return array;
  *room = *room ? *room * 2 : 4;
  array = realloc(array, *room * sizeof(void *));
  if (!array) fail("realloc");
  return array;
}

static void *make(size_t size) {
  void *made = calloc(1, size);
  if (!made) fail("calloc");
  return made;
}

static struct channel *channel_of(const char *name, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
  struct channel **place = &channels[hash % BUCKETS];
  for (; *place; place = &(*place)->next) {
    if (strlen((*place)->name) == length && memcmp((*place)->name, name, length) == 0) return *place;
  }
  *place = make(sizeof(struct channel));
  (*place)->name = strndup(name, length);
  return *place;
}

/* ---- Writing ---- */

/* Channels may still point to it, so the few bytes of the connection itself stay. */
static void close_connection(struct connection *connection) {
  if (connection->fd < 0) return;
  close(connection->fd);
  connection->fd = -1;
  if (connection->polls_for) connection->polls_for->parked = NULL;
  discard(&connection->unread);
  discard(&connection->unsent);
  discard(&connection->replies);
}

static void watch(struct connection *connection, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(loop, EPOLL_CTL_MOD, connection->fd, &event) < 0) fail("epoll_ctl");
}

static void transmit(struct connection *connection, const char *from, size_t length) {
  if (connection->fd < 0 || length == 0) return;
  size_t sent = 0;
  if (connection->unsent.length == 0) {
    ssize_t count = send(connection->fd, from, length, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
      close_connection(connection);
      return;
    }
    sent = count < 0 ? 0 : (size_t)count;
    if (sent == length) return;
    watch(connection, EPOLLIN | EPOLLOUT);
  }
  append(&connection->unsent, from + sent, length - sent);
  if (connection->unsent.length > MOST_WAITING) {
    fprintf(stderr, "sender: a connection that reads too slowly is closed\n");
    close_connection(connection);
  }
}

static void send_rest(struct connection *connection) {
  struct bytes rest = connection->unsent;
  ssize_t count = send(connection->fd, rest.at, rest.length, MSG_NOSIGNAL);
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0) {
    close_connection(connection);
  } else if ((size_t)count == rest.length) {
    discard(&connection->unsent);
    watch(connection, EPOLLIN);
  } else {
    memmove(rest.at, rest.at + count, rest.length - (size_t)count);
    connection->unsent.length -= (size_t)count;
  }
}

static void append_frame(struct bytes *bytes, int opcode, const char *payload, size_t length) {
  unsigned char head[10] = {(unsigned char)(0x80 | opcode)};
  size_t size = length < 126 ? 2 : length < 65536 ? 4 : 10;
  head[1] = size == 2 ? (unsigned char)length : size == 4 ? 126 : 127;
  for (size_t i = 2; i < size; i++) head[i] = (unsigned char)((uint64_t)length >> (8 * (size - 1 - i)));
  append(bytes, head, size);
  append(bytes, payload, length);
}

static void append_response(struct bytes *bytes, const char *messages, size_t length) {
  print(bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n[%.*s]", length + 2,
        (int)length, messages);
}

/* Replies leave at the end of the turn, after what was published in it. */
static void reply(struct connection *connection, const char *message, size_t length) {
  if (connection->replies.length == 0) {
    answered = one_more(answered, answered_count, &answered_room);
    answered[answered_count++] = connection;
  }
  if (!connection->is_websocket) {
    append_response(&connection->replies, message, length);
    return;
  }
  static struct bytes text;
  text.length = 0;
  print(&text, "[%.*s]", (int)length, message);
  append_frame(&connection->replies, 1, text.at, text.length);
}

static void answer_poll(struct session *session) {
  struct connection *connection = session->parked;
  session->parked = NULL;
  connection->polls_for = NULL;
  static struct bytes response;
  response.length = 0;
  append_response(&response, session->queue.at, session->queue.length);
  session->queue.length = 0;
  transmit(connection, response.at, response.length);
}

static void append_message(struct session *session, const char *messages, size_t length) {
  if (session->queue.length > 0) append(&session->queue, ",", 1);
  append(&session->queue, messages, length);
}

/* What was published in this turn goes out, once framed and with one send() for each subscriber; then the replies. */
static void flush_turn(void) {
  for (size_t i = 0; i < dirty_count; i++) {
    struct channel *channel = dirty[i];
    for (size_t s = 0; s < channel->socket_count; s++) {
      transmit(channel->sockets[s], channel->frames.at, channel->frames.length);
    }
    for (size_t p = 0; p < channel->poller_count; p++) {
      append_message(channel->pollers[p], channel->messages.at, channel->messages.length);
      if (channel->pollers[p]->parked) answer_poll(channel->pollers[p]);
    }
    channel->frames.length = channel->messages.length = 0;
    channel->is_dirty = false;
  }
  dirty_count = 0;
  for (size_t i = 0; i < answered_count; i++) {
    transmit(answered[i], answered[i]->replies.at, answered[i]->replies.length);
    discard(&answered[i]->replies);
  }
  answered_count = 0;
}

/* ---- Messages ---- */

static struct session *session_of(struct slice client) {
  size_t index = client.length > 0 ? strtoul(client.at, NULL, 10) : session_count;
  return index < session_count ? sessions[index] : NULL;
}

static size_t create_client(struct connection *connection) {
  if (connection->is_websocket) return last_client++;
  sessions = one_more(sessions, session_count, &session_room);
  sessions[session_count] = make(sizeof(struct session));
  return session_count++;
}

static void subscribe(struct connection *connection, struct session *session, const char *name, size_t length) {
  struct channel *channel = channel_of(name, length);
  if (connection->is_websocket) {
    channel->sockets = one_more(channel->sockets, channel->socket_count, &channel->socket_room);
    channel->sockets[channel->socket_count++] = connection;
  } else if (session) {
    channel->pollers = one_more(channel->pollers, channel->poller_count, &channel->poller_room);
    channel->pollers[channel->poller_count++] = session;
  }
}

/* To one channel, or to an array of them. */
static void subscribe_all(struct connection *connection, struct message *message) {
  struct session *session = session_of(message->client);
  const char *at = message->subscription.at, *end = at + message->subscription.length;
  while (at < end && *at != '"') at++;
  while (at < end && *at == '"') {
    const char *name_end = skip_value(at, end);
    subscribe(connection, session, at + 1, (size_t)(name_end - at) - 2);
    at = name_end < end && *name_end == ',' ? name_end + 1 : end;
  }
}

static void publish(struct message *message) {
  struct channel *channel = channel_of(message->channel.at, message->channel.length);
  static struct bytes text;
  text.length = 0;
  print(&text, "[{\"channel\":\"%s\",\"data\":%.*s,\"id\":\"%.*s\"}]", channel->name, (int)message->data.length,
        message->data.at, (int)message->id.length, message->id.at);
  if (channel->socket_count > 0) append_frame(&channel->frames, 1, text.at, text.length);
  if (channel->poller_count > 0) {
    if (channel->messages.length > 0) append(&channel->messages, ",", 1);
    append(&channel->messages, text.at + 1, text.length - 2);
  }
  if (channel->is_dirty) return;
  channel->is_dirty = true;
  dirty = one_more(dirty, dirty_count, &dirty_room);
  dirty[dirty_count++] = channel;
}

/* A connect that may wait does so until there is something to say. */
static void hold(struct connection *connection, struct message *message, const char *text, size_t length) {
  if (connection->is_websocket) return;
  struct session *session = session_of(message->client);
  if (!session) return;
  bool has_messages = session->queue.length > 0;
  append_message(session, text, length);
  session->parked = connection;
  connection->polls_for = session;
  if (has_messages) answer_poll(session);
}

static void receive(struct connection *connection, const char *at, size_t length) {
  const char *end = at + length;
  struct message message;
  while ((at = next_message(at, end, &message))) {
    if (message.channel.length == 0) continue;
    static struct bytes text;
    text.length = 0;
    print(&text, "{\"channel\":\"%.*s\",\"successful\":true,\"id\":\"%.*s\"", (int)message.channel.length,
          message.channel.at, (int)message.id.length, message.id.at);
    bool is_held = false;
    if (is(message.channel, "/meta/handshake")) {
      print(&text, ",\"version\":\"1.0\",\"clientId\":\"%zu\",\"supportedConnectionTypes\":[\"%s\"]}",
            create_client(connection), connection->is_websocket ? "websocket" : "long-polling");
    } else if (is(message.channel, "/meta/connect")) {
      print(&text, "}");
      is_held = message.advice.length == 0;
    } else if (is(message.channel, "/meta/subscribe")) {
      print(&text, ",\"subscription\":%.*s}", (int)message.subscription.length, message.subscription.at);
      subscribe_all(connection, &message);
    } else {
      print(&text, "}");
      publish(&message);
    }
    if (is_held) hold(connection, &message, text.at, text.length);
    else reply(connection, text.at, text.length);
  }
}

/* ---- Reading ---- */

static void upgrade(struct connection *connection, const char *head) {
  char key[61] = "", accept[32];
  const char *field = strcasestr(head, "\r\nsec-websocket-key:");
  if (field) sscanf(field + strlen("\r\nsec-websocket-key:"), " %60[^\r]", key);
  accept_key(key, accept);
  static struct bytes response;
  response.length = 0;
  print(&response,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        accept);
  connection->is_websocket = true;
  transmit(connection, response.at, response.length);
}

/* Handles a whole request and returns its length; 0 when more of it must come. */
static size_t take_request(struct connection *connection, char *at, size_t length) {
  char *head_end = memmem(at, length, "\r\n\r\n", 4);
  if (!head_end) return 0;
  size_t head = (size_t)(head_end - at) + 4;
  head_end[3] = 0;
  const char *field = strcasestr(at, "\r\ncontent-length:");
  size_t body = field ? strtoul(field + strlen("\r\ncontent-length:"), NULL, 10) : 0;
  bool is_whole = head + body <= length;
  if (is_whole && strcasestr(at, "\r\nupgrade: websocket")) upgrade(connection, at);
  else if (is_whole) receive(connection, at + head, body);
  head_end[3] = '\n';
  return is_whole ? head + body : 0;
}

/* The same for a frame. */
static size_t take_frame(struct connection *connection, char *at, size_t available) {
  const unsigned char *head = (unsigned char *)at;
  if (available < 6) return 0;
  size_t length = head[1] & 127, start = 6;
  if (length == 126) {
    if (available < 8) return 0;
    length = (size_t)head[2] << 8 | head[3];
    start = 8;
  } else if (length == 127) {
    if (available < 14) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | head[i];
    start = 14;
  }
  if (length > READ_SIZE || !(head[1] & 0x80)) {
    close_connection(connection);
    return 0;
  }
  if (available < start + length) return 0;
  const char *mask = at + start - 4;
  char *payload = at + start;
  for (size_t i = 0; i < length; i++) payload[i] ^= mask[i & 3];
  switch (head[0]) {
  case 0x81:
    receive(connection, payload, length);
    break;
  case 0x89: {
    struct bytes pong = {0};
    append_frame(&pong, 10, payload, length);
    transmit(connection, pong.at, pong.length);
    discard(&pong);
    break;
  }
  case 0x8a:
    break;
  default: /* a close, or what the load does not send */
    close_connection(connection);
    return 0;
  }
  return start + length;
}

static void read_connection(struct connection *connection) {
  static char buffer[READ_SIZE];
  ssize_t count = recv(connection->fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    close_connection(connection);
    return;
  }
  char *at = buffer;
  size_t length = (size_t)count;
  struct bytes joined = connection->unread;
  connection->unread = (struct bytes){0};
  if (joined.length > 0) {
    append(&joined, buffer, length);
    at = joined.at;
    length = joined.length;
  }
  while (length > 0 && connection->fd >= 0) {
    size_t used = connection->is_websocket ? take_frame(connection, at, length) : take_request(connection, at, length);
    if (used == 0) break;
    at += used;
    length -= used;
  }
  if (length > READ_SIZE) close_connection(connection);
  if (connection->fd >= 0) append(&connection->unread, at, length);
  discard(&joined);
}

/* ---- The loop ---- */

static void answer_line(const char *line) {
  if (strcmp(line, "cpu\n") == 0) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    printf("%lld\n", (long long)time.tv_sec * 1000000000 + time.tv_nsec);
  } else if (strcmp(line, "memory\n") == 0) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%*d %ld", &pages) != 1) fail("/proc/self/statm");
    fclose(statm);
    printf("%ld %zu\n", pages * sysconf(_SC_PAGESIZE), mallinfo2().uordblks);
  } else {
    printf("? %s", line);
  }
  fflush(stdout);
}

static void add(int fd, void *who) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
  if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0 && errno == EAGAIN) return;
    if (fd < 0) fail("accept4");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct connection *connection = make(sizeof(struct connection));
    connection->fd = fd;
    add(fd, connection);
  }
}

static int listen_somewhere(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, BACKLOG) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    fail("listen");
  }
  printf("ready %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) fail("getrlimit");
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) fail("setrlimit");
  loop = epoll_create1(0);
  if (loop < 0) fail("epoll_create1");
  int listener = listen_somewhere();
  add(listener, &listener);
  setvbuf(stdin, NULL, _IONBF, 0);
  add(STDIN_FILENO, stdin);
  for (;;) {
    static struct epoll_event events[EVENTS];
    int count = epoll_wait(loop, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      void *who = events[i].data.ptr;
      if (who == &listener) {
        accept_all(listener);
      } else if (who == stdin) {
        char line[100];
        if (!fgets(line, sizeof line, stdin)) return 0;
        answer_line(line);
      } else {
        struct connection *connection = who;
        if (connection->fd >= 0 && events[i].events & EPOLLOUT) send_rest(connection);
        if (connection->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_connection(connection);
      }
    }
    flush_turn();
  }
}
