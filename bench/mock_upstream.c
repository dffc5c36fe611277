/* An upstream that costs as little as possible: fixed answers, one thread, epoll.
 *
 *     mock_upstream PORT EVENTS INTERVAL_US
 *
 * Listens on 127.0.0.1:PORT. The path of a request decides the format of its answer: /v1/messages is answered in the
 * Anthropic format, a path under /v1beta in the Gemini format, everything else in the OpenAI chat format. A request
 * with "stream":true in its body, or with streamGenerateContent in its path, gets a stream of EVENTS content events:
 * all at once when INTERVAL_US is 0, else one every INTERVAL_US microseconds, the streams spread evenly over the
 * interval. GET /events answers with the number of content events sent so far. Requests may not be pipelined.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 65536
#define MOST_EVENTS 4096
#define STREAM_HEAD "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
#define DELTA "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000," \
              "\"model\":\"bench-2026-01-01\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\",\"choices\":"

typedef struct { char *data; size_t size; } text;

typedef struct {
    text whole;  /* the complete JSON answer, with its head */
    text first;  /* what a stream sends before its content, with the head */
    text event;  /* one content event */
    text last;   /* everything after the content */
    text stream; /* first, EVENTS times event, last */
} format;

typedef struct {
    char in[65536];
    size_t held;
    const char *out;
    size_t left;
    format *paced; /* the format of the paced stream in progress, or NULL */
    int remaining;
    uint64_t due;
    char count[160];
} client;

static format openai, anthropic, gemini;
static client *clients[MOST_FDS];
static int poller, events, streaming[MOST_FDS], streams;
static uint64_t interval, sent, spread;

static uint64_t now_us(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static text copy(const char *source) { return (text){strdup(source), strlen(source)}; }

static void append(text *to, const char *data, size_t size) {
    to->data = realloc(to->data, to->size + size + 1);
    memcpy(to->data + to->size, data, size);
    to->size += size;
    to->data[to->size] = 0;
}

static void append_chunk(text *to, const char *data) {
    char line[24];
    append(to, line, sprintf(line, "%zx\r\n", strlen(data)));
    append(to, data, strlen(data));
    append(to, "\r\n", 2);
}

static text whole(const char *body) {
    char head[128];
    sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", strlen(body));
    text out = copy(head);
    append(&out, body, strlen(body));
    return out;
}

static format make(const char *body, const char **opening, const char *event, const char **closing) {
    format made = {.whole = whole(body), .first = copy(STREAM_HEAD)};
    while (*opening) append_chunk(&made.first, *opening++);
    append_chunk(&made.event, event);
    while (*closing) append_chunk(&made.last, *closing++);
    append(&made.last, "0\r\n\r\n", 5);
    append(&made.stream, made.first.data, made.first.size);
    for (int i = 0; i < events; i++) append(&made.stream, made.event.data, made.event.size);
    append(&made.stream, made.last.data, made.last.size);
    return made;
}

static void make_formats(void) {
    openai = make(
        "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"bench-2026-01-01\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"A relay is judged by what it adds: "
        "as little time as possible, and not one byte.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":18,\"total_tokens\":42,"
        "\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}",
        (const char *[]){DELTA "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
                         "\"logprobs\":null,\"finish_reason\":null}]}\n\n", NULL},
        DELTA "[{\"index\":0,\"delta\":{\"content\":\" relay\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        (const char *[]){DELTA "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n",
                         DELTA "[],\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":50,\"total_tokens\":74}}\n\n",
                         "data: [DONE]\n\n", NULL});
    anthropic = make(
        "{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench-2026-01-01\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"A relay is judged by what it adds.\"}],\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":24,\"output_tokens\":18}}",
        (const char *[]){"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench\","
                         "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench-2026-01-01\",\"content\":[],"
                         "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":24,"
                         "\"output_tokens\":1}}}\n\n",
                         "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                         "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n", NULL},
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
        "\"delta\":{\"type\":\"text_delta\",\"text\":\" relay\"}}\n\n",
        (const char *[]){"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                         "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                         "\"stop_sequence\":null},\"usage\":{\"output_tokens\":50}}\n\n",
                         "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", NULL});
    gemini = make(
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"A relay is judged by what it adds.\"}],\"role\":\"model\"},"
        "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":24,\"candidatesTokenCount\":18,"
        "\"totalTokenCount\":42},\"modelVersion\":\"bench-2026-01-01\",\"responseId\":\"bench\"}",
        (const char *[]){NULL},
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" relay\"}],\"role\":\"model\"},\"index\":0}],"
        "\"usageMetadata\":{\"promptTokenCount\":24,\"candidatesTokenCount\":9,\"totalTokenCount\":33},"
        "\"modelVersion\":\"bench-2026-01-01\",\"responseId\":\"bench\"}\r\n\r\n",
        (const char *[]){"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\".\"}],\"role\":\"model\"},"
                         "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":24,"
                         "\"candidatesTokenCount\":50,\"totalTokenCount\":74},\"modelVersion\":\"bench-2026-01-01\","
                         "\"responseId\":\"bench\"}\r\n\r\n", NULL});
}

static void watch(int fd, int action, uint32_t what) {
    struct epoll_event wanted = {.events = what, .data.fd = fd};
    epoll_ctl(poller, action, fd, &wanted);
}

static void drop(int fd) {
    for (int i = 0; i < streams; i++)
        if (streaming[i] == fd) {
            streaming[i] = streaming[--streams];
            break;
        }
    free(clients[fd]);
    clients[fd] = NULL;
    close(fd);
}

/* Writes what is pending. False when the connection is gone. */
static int flush(int fd) {
    client *c = clients[fd];
    while (c->left) {
        ssize_t written = send(fd, c->out, c->left, MSG_NOSIGNAL);
        if (written < 0) {
            if (errno == EAGAIN) {
                watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return 1;
            }
            drop(fd);
            return 0;
        }
        c->out += written;
        c->left -= written;
    }
    return 1;
}

static int say(int fd, text what) {
    clients[fd]->out = what.data;
    clients[fd]->left = what.size;
    return flush(fd);
}

static void start_stream(int fd, format *how) {
    client *c = clients[fd];
    if (!interval) {
        sent += events;
        say(fd, how->stream);
        return;
    }
    c->paced = how;
    c->remaining = events;
    spread = (spread + 7919) % interval;
    c->due = now_us() + spread;
    streaming[streams++] = fd;
    say(fd, how->first);
}

static void answer(int fd, char *head, char *body) {
    client *c = clients[fd];
    char *line_end = strstr(head, "\r\n");
    *line_end = 0;
    format *how = strstr(head, "/v1/messages") ? &anthropic : strstr(head, "/v1beta/") ? &gemini : &openai;
    if (!strncmp(head, "GET /events", 11)) {
        char number[32];
        int size = sprintf(number, "%llu", (unsigned long long)sent);
        c->left = sprintf(c->count, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s", size, number);
        c->out = c->count;
        flush(fd);
    } else if (strstr(head, "streamGenerateContent") || strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true"))
        start_stream(fd, how);
    else
        say(fd, how->whole);
}

static void receive(int fd) {
    client *c = clients[fd];
    ssize_t got = read(fd, c->in + c->held, sizeof c->in - c->held - 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(fd);
        return;
    }
    c->held += got;
    c->in[c->held] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    char *start = end + 4;
    if (c->held < (size_t)(start - c->in) + body) return;
    c->held = 0;
    answer(fd, c->in, start);
}

/* Sends what is due on every paced stream. A stream whose client reads too slowly waits. */
static void tick(void) {
    uint64_t at = now_us();
    for (int i = streams - 1; i >= 0; i--) {
        int fd = streaming[i];
        client *c = clients[fd];
        while (!c->left && c->due <= at) {
            if (c->remaining == 0) {
                streaming[i] = streaming[--streams];
                text last = c->paced->last;
                c->paced = NULL;
                say(fd, last);
                break;
            }
            c->remaining--;
            c->due += interval;
            sent++;
            if (!say(fd, c->paced->event)) break;
        }
    }
}

static void admit(int door) {
    int fd, on = 1;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        clients[fd] = calloc(1, sizeof(client));
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: mock_upstream PORT EVENTS INTERVAL_US\n");
        return 2;
    }
    events = atoi(words[2]);
    interval = strtoull(words[3], NULL, 10);
    if (events < 1 || events > MOST_EVENTS) {
        fprintf(stderr, "EVENTS must be between 1 and %d\n", MOST_EVENTS);
        return 2;
    }
    make_formats();
    int on = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 4096)) {
        perror("mock_upstream");
        return 1;
    }
    poller = epoll_create1(0);
    watch(door, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event ready[256];
    for (;;) {
        int found = epoll_wait(poller, ready, 256, streams ? 1 : -1);
        for (int i = 0; i < found; i++) {
            int fd = ready[i].data.fd;
            if (fd == door) {
                admit(door);
                continue;
            }
            if (ready[i].events & EPOLLOUT) {
                if (!flush(fd)) continue;
                if (!clients[fd]->left) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
            }
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(fd);
        }
        if (streams) tick();
    }
}
