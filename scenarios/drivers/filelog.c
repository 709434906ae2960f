/* A small write-ahead log in C, behind the driver protocol of walcrash.
 *
 *   cc -O2 -Wall -Wextra -o filelog filelog.c
 *   walcrash run filelog.toml
 *
 * A frame is a length and a CRC-32 of length and content, both 32 bits in the machine's order, and
 * the record as the JSON text in which it came. Recovery takes whole frames up to the first that
 * is none, and truncates the rest. A record is acknowledged when fsync has returned.
 *
 * With --no-sync it is wrong: nothing is ever synced, and a power loss takes what was promised.
 * With --dated it is wrong: positions begin with the day of the recovery, by the wall clock, so two
 * recoveries of one log give its records other positions.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1, is_synced = 1, is_dated, is_broken;
static long long end;  /* where the next frame goes */
static long long base; /* what a position is above its offset */

/* JSON: just enough to find a member of the request and to take its value as text. */

static const char *skip_space(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n') at++;
    return at;
}

static const char *skip_text(const char *at) {
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1]) at++;
    return *at ? at + 1 : at;
}

static const char *skip_value(const char *at) {
    int depth = 0;
    do {
        at = skip_space(at);
        if (*at == '"') at = skip_text(at);
        else if (*at == '{' || *at == '[') depth++, at++;
        else if (*at == '}' || *at == ']') depth--, at++;
        else if (*at == ',' || *at == ':') at++;
        else while (*at && !strchr(",:]} \t\r\n\"", *at)) at++;
    } while (depth > 0 && *at);
    return at;
}

/* Return where the value of a member begins, and its length; NULL if there is none. */
static const char *member(const char *object, const char *key, size_t *length) {
    const char *at = skip_space(object);
    size_t key_length = strlen(key);
    if (*at++ != '{') return NULL;
    while (*(at = skip_space(at)) == '"') {
        const char *name = at, *value = skip_space(skip_text(at));
        if (*value++ != ':') return NULL;
        value = skip_space(value);
        at = skip_value(value);
        if (!strncmp(name + 1, key, key_length) && name[key_length + 1] == '"') {
            *length = (size_t)(at - value);
            return value;
        }
        if (*(at = skip_space(at)) == ',') at++;
    }
    return NULL;
}

/* The log. */

static uint32_t crc32_of(uint32_t crc, const void *data, size_t length) {
    const unsigned char *bytes = data;
    for (crc = ~crc; length--; bytes++) {
        crc ^= *bytes;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
    }
    return ~crc;
}

static int sync_fd(int fd) { return is_synced ? fsync(fd) : 0; }

static int write_all(int fd, const char *data, size_t length) {
    while (length) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        data += written, length -= (size_t)written;
    }
    return 0;
}

/* Read the frame at an offset; return its content, which the caller frees, or NULL. */
static char *read_frame(long long offset, uint32_t *length) {
    uint32_t head[2];
    off_t size = lseek(log_fd, 0, SEEK_END);
    if (pread(log_fd, head, sizeof head, offset) != sizeof head) return NULL;
    if (!head[0] || (long long)head[0] > size - offset - (long long)sizeof head) return NULL;
    char *data = malloc(head[0]);
    if (!data) return NULL;
    ssize_t got = pread(log_fd, data, head[0], offset + (off_t)sizeof head);
    uint32_t crc = crc32_of(crc32_of(0, head, sizeof *head), data, head[0]);
    if (got != (ssize_t)head[0] || crc != head[1]) {
        free(data);
        return NULL;
    }
    *length = head[0];
    return data;
}

static int recover(const char *directory) {
    char path[PATH_MAX];
    uint32_t length;
    char *data;
    if (is_dated) base = (long long)time(NULL) / 86400 << 32;
    snprintf(path, sizeof path, "%s/log", directory);
    if ((log_fd = open(path, O_RDWR | O_CREAT, 0644)) < 0) return -1;
    for (end = 0; (data = read_frame(end, &length)); free(data)) end += 8 + (long long)length;
    if (ftruncate(log_fd, end) || sync_fd(log_fd)) return -1;
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY); /* the name of a new log */
    if (directory_fd < 0 || sync_fd(directory_fd)) return -1;
    return close(directory_fd);
}

static int append(const char *record, size_t length) {
    uint32_t head[2] = {(uint32_t)length, 0};
    char *frame = malloc(sizeof head + length);
    if (!frame) return -1;
    head[1] = crc32_of(crc32_of(0, head, sizeof *head), record, length);
    memcpy(frame, head, sizeof head);
    memcpy(frame + sizeof head, record, length);
    int failed = lseek(log_fd, end, SEEK_SET) < 0 ||
                 write_all(log_fd, frame, sizeof head + length) || sync_fd(log_fd);
    free(frame);
    return failed ? -1 : 0;
}

/* The conversation. */

static void refuse(const char *error) { printf("{\"ok\":false,\"error\":\"%s\"}\n", error); }

static void do_append(const char *line) {
    size_t length;
    const char *record = member(line, "record", &length);
    if (!record) return refuse("append has no record");
    if (is_broken) return refuse("an append failed before; open the log again");
    if (append(record, length)) {
        is_broken = 1; /* what is at the end now is for recovery to find out */
        return refuse(strerror(errno));
    }
    printf("{\"ok\":true,\"offset\":%lld}\n", base + end);
    end += 8 + (long long)length;
}

static void do_replay(const char *line) {
    size_t found;
    uint32_t length;
    char *data;
    const char *from = member(line, "from", &found);
    long long offset = from ? atoll(from) & 0xFFFFFFFF : 0;
    for (; offset < end && (data = read_frame(offset, &length)); free(data)) {
        printf("{\"record\":%.*s,\"offset\":%lld}\n", (int)length, data, base + offset);
        offset += 8 + (long long)length;
    }
    if (offset < end) return refuse("there is no record at this offset");
    printf("{\"ok\":true,\"end\":%lld}\n", base + end);
}

int main(int count, char **words) {
    char *line = NULL;
    size_t size = 0, length;
    for (int at = 1; at < count - 1; at++)
        if (!strcmp(words[at], "--no-sync")) is_synced = 0;
        else if (!strcmp(words[at], "--dated")) is_dated = 1;
    while (count > 1 && getline(&line, &size, stdin) > 0) {
        const char *what = member(line, "do", &length);
        if (!what) what = "", length = 0;
#define IS(name) (length == sizeof(name) + 1 && !memcmp(what, "\"" name "\"", length))
        if (IS("open")) {
            if (recover(words[count - 1])) refuse(strerror(errno));
            else
                printf("{\"ok\":true,\"protocol\":1,\"name\":\"filelog\",\"version\":\"1\","
                       "\"supports\":[\"sync\"]}\n");
        } else if (IS("append")) do_append(line);
        else if (IS("replay")) do_replay(line);
        else if (IS("sync")) printf("{\"ok\":true}\n"); /* every append is durable already */
        else if (IS("close")) {
            printf("{\"ok\":true}\n");
            fflush(stdout);
            return 0;
        } else refuse("there is no such request");
        fflush(stdout);
    }
    return 0;
}
