package dev.outlast.activities.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.RecordedCases;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** What the fuzzer begins with: the recorded and made cases, and the words that are in them. */
final class FuzzSeeds {

  /** The name of the target of texts; the others are named after their provider. */
  static final String WORDS = "words";

  private static final Pattern WORD = Pattern.compile("[A-Za-z_][A-Za-z_.]{2,24}|\\d{1,2}[ap]m");

  private FuzzSeeds() {}

  /**
   * Writes the seeds of each target into a folder of its name, and a dictionary beside them.
   *
   * @param args the folder
   */
  public static void main(String[] args) throws IOException, URISyntaxException {
    Path folder = Path.of(args[0]);
    TreeSet<String> words = new TreeSet<>();
    for (Map.Entry<String, List<byte[]>> target : all().entrySet()) {
      Path seeds = Files.createDirectories(folder.resolve(target.getKey()));
      for (int i = 0; i < target.getValue().size(); i++) {
        byte[] seed = target.getValue().get(i);
        Files.write(seeds.resolve("seed-" + i), seed);
        Matcher word = WORD.matcher(new String(seed, StandardCharsets.UTF_8));
        while (word.find()) {
          words.add(word.group());
        }
      }
    }
    Files.writeString(
        folder.resolve("dictionary"),
        words.stream().collect(Collectors.joining("\"\n\"", "\"", "\"\n")));
  }

  /** The seeds of each target. */
  static Map<String, List<byte[]>> all() throws IOException, URISyntaxException {
    Map<String, List<byte[]>> seeds = new TreeMap<>();
    for (JsonNode c : RecordedCases.all()) {
      int exitCode = c.path("exitCode").intValue();
      ZoneId zone = ZoneId.of(c.path("zone").textValue());
      Instant now = Instant.parse(c.path("now").textValue());
      byte[] stdout =
          c.has("stdoutBase64")
              ? c.path("stdoutBase64").binaryValue()
              : utf8(
                  StreamSupport.stream(c.path("stdout").spliterator(), false)
                      .map(JsonNode::textValue)
                      .collect(Collectors.joining("\n")));
      byte[] stderr = utf8(c.path("stderr").asText());
      seeds
          .computeIfAbsent(c.path("provider").textValue(), none -> new ArrayList<>())
          .add(FuzzInput.bytes(exitCode, zone, now, stdout, stderr));
      for (String text : texts(c)) {
        seeds
            .computeIfAbsent(WORDS, none -> new ArrayList<>())
            .add(FuzzInput.bytes(0, zone, now, utf8(text), new byte[0]));
      }
    }
    return seeds;
  }

  /** The texts within a case's records, and its plain lines. */
  private static TreeSet<String> texts(JsonNode c) {
    TreeSet<String> texts = new TreeSet<>();
    ObjectMapper mapper = new ObjectMapper();
    c.path("stderr").asText().lines().forEach(texts::add);
    for (JsonNode line : c.path("stdout")) {
      try {
        collect(mapper.readTree(line.textValue()), texts);
      } catch (IOException plain) {
        texts.add(line.textValue());
      }
    }
    return texts;
  }

  private static void collect(JsonNode node, TreeSet<String> into) {
    if (node.isTextual() && node.textValue().indexOf(' ') > 0) {
      into.add(node.textValue());
    }
    node.forEach(child -> collect(child, into));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
