package dev.outlast.activities.transcript;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns entries into lines of JSON and back. A line begins with {@code seq} and {@code kind}, so
 * that most of them need not be parsed to be counted. Characters that terminals and editors obey
 * are escaped. Not thread-safe.
 */
final class TranscriptCode {

  /** The longest line that is read back: a text of which each byte is escaped, and its data. */
  static final int MAX_LINE = 8 * 1024 * 1024;

  private static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(50)
                          .maxStringLength(2 * TranscriptEntry.MAX_TEXT)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final Pattern HEAD =
      Pattern.compile(
          "\\{\"seq\":(\\d{1,18}),\"kind\":\"([a-z]{1,20})\"(?:,\"through\":(\\d{1,18}))?.*");

  private static final int HEAD_BYTES = 120;
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  /** What a line begins with. */
  record Head(long seq, long through, TranscriptKind kind) {}

  private final byte[] origin;
  private long millis = Long.MIN_VALUE;
  private byte[] time = {};

  TranscriptCode(TranscriptContext context) {
    ByteArrayOutputStream fields = new ByteArrayOutputStream();
    ascii(fields, ",\"run\":\"");
    escaped(fields, context.run());
    ascii(
        fields,
        "\",\"turn\":"
            + context.turn()
            + ",\"invocation\":"
            + context.invocation()
            + ",\"attempt\":"
            + context.attempt());
    origin = fields.toByteArray();
  }

  /** Appends an entry as a line. */
  void write(ByteArrayOutputStream to, long seq, TranscriptEntry entry) {
    ascii(to, "{\"seq\":" + seq + ",\"kind\":\"" + entry.kind().word() + "\",\"time\":\"");
    to.writeBytes(time(entry.time()));
    to.write('"');
    to.writeBytes(origin);
    tail(to, entry.text(), entry.cut(), entry.data());
  }

  /** Appends a record as a line, with a number of its own. */
  static void write(ByteArrayOutputStream to, TranscriptRecord record) {
    ascii(to, "{\"seq\":" + record.seq() + ",\"kind\":\"" + record.kind().word() + "\"");
    if (record.through() != record.seq()) {
      ascii(to, ",\"through\":" + record.through());
    }
    if (record.time() != null) {
      ascii(to, ",\"time\":\"" + record.time() + "\"");
    }
    if (record.run() != null) {
      to.writeBytes(
          new TranscriptCode(
                  new TranscriptContext(
                      "", null, record.run(), record.turn(), record.invocation(), record.attempt()))
              .origin);
    }
    tail(to, record.text(), record.cut(), record.data());
  }

  private static void tail(ByteArrayOutputStream to, String text, boolean cut, JsonNode data) {
    if (text != null) {
      ascii(to, ",\"text\":\"");
      escaped(to, text);
      to.write('"');
    }
    if (cut) {
      ascii(to, ",\"cut\":true");
    }
    if (data != null) {
      ascii(to, ",\"data\":");
      to.writeBytes(data.toString().getBytes(StandardCharsets.UTF_8));
    }
    ascii(to, "}\n");
  }

  /** Many lines share a millisecond, and to format it takes longer than all the rest. */
  private byte[] time(Instant at) {
    if (at.toEpochMilli() != millis) {
      millis = at.toEpochMilli();
      time = at.truncatedTo(ChronoUnit.MILLIS).toString().getBytes(StandardCharsets.US_ASCII);
    }
    return time;
  }

  private static void ascii(ByteArrayOutputStream to, String text) {
    to.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void escaped(ByteArrayOutputStream to, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int from = 0;
    for (int i = 0; i < bytes.length; i++) {
      int b = bytes[i] & 0xff;
      if (b == '"' || b == '\\') {
        to.write(bytes, from, i - from);
        to.write('\\');
        from = i;
      } else if (b < ' ' || b == 0x7f) {
        to.write(bytes, from, i - from);
        unicode(to, b);
        from = i + 1;
      } else if (b >= 0xc2) {
        int obeyed = obeyed(bytes, i, b);
        if (obeyed > 0) {
          to.write(bytes, from, i - from);
          unicode(to, obeyed);
          i += obeyed < 0x800 ? 1 : 2;
          from = i + 1;
        }
      }
    }
    to.write(bytes, from, bytes.length - from);
  }

  /**
   * The character that begins here, if it is a control character (U+0080 to U+009F), ends a line,
   * or changes the direction of writing (U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069); else
   * 0.
   */
  private static int obeyed(byte[] bytes, int at, int first) {
    if (first == 0xc2) {
      int c = bytes[at + 1] & 0xff;
      return c < 0xa0 ? c : 0;
    }
    if (first != 0xe2) {
      return 0;
    }
    int c = 0x2000 | (bytes[at + 1] & 0x3f) << 6 | bytes[at + 2] & 0x3f;
    boolean turns = c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e);
    return turns || (c >= 0x2066 && c <= 0x2069) ? c : 0;
  }

  private static void unicode(ByteArrayOutputStream to, int c) {
    to.write('\\');
    to.write('u');
    for (int shift = 12; shift >= 0; shift -= 4) {
      to.write(HEX[c >> shift & 0xf]);
    }
  }

  /** What a line begins with; empty if it is no record. */
  static Optional<Head> head(byte[] line) {
    if (line.length == 0 || line[line.length - 1] != '}') {
      return Optional.empty();
    }
    String begin =
        new String(line, 0, Math.min(line.length, HEAD_BYTES), StandardCharsets.ISO_8859_1);
    Matcher head = HEAD.matcher(begin);
    if (!head.matches()) {
      return Optional.empty();
    }
    long seq = Long.parseLong(head.group(1));
    long through = head.group(3) == null ? seq : Long.parseLong(head.group(3));
    return Optional.of(new Head(seq, through, TranscriptKind.of(head.group(2))));
  }

  /** The record of a line; empty if it is none. */
  static Optional<TranscriptRecord> read(byte[] line) {
    Optional<Head> head = head(line);
    if (head.isEmpty()) {
      return Optional.empty();
    }
    try {
      JsonNode node = MAPPER.readTree(line);
      return Optional.of(
          new TranscriptRecord(
              head.get().seq(),
              head.get().through(),
              instant(node.path("time").asText("")),
              node.path("run").textValue(),
              node.path("turn").asInt(0),
              node.path("invocation").asInt(0),
              node.path("attempt").asInt(0),
              head.get().kind(),
              node.path("text").textValue(),
              node.path("cut").asBoolean(false),
              node.get("data")));
    } catch (JsonProcessingException torn) {
      return Optional.empty();
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory cannot be read", e);
    }
  }

  private static Instant instant(String text) {
    try {
      return text.isEmpty() ? null : Instant.parse(text);
    } catch (DateTimeException none) {
      return null;
    }
  }
}
