package dev.outlast.activities.process;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The records in their folder: one file per agent, which is there whole or not at all, on the disk,
 * for its owner's eyes only. Several workers may use the folder at once. Thread-safe.
 */
final class AgentRecords {

  private static final Logger log = LoggerFactory.getLogger(AgentRecords.class);
  private static final String SUFFIX = ".json";

  /** What a record that is none is called further. */
  private static final String UNREADABLE = ".unreadable";

  /** The largest file that may be a record. */
  private static final long MAX_BYTES = 1024 * 1024;

  /** How old what a killed worker did not finish must be before it is removed. */
  private static final Duration ABANDONED = Duration.ofHours(1);

  private static final ObjectMapper MAPPER =
      new ObjectMapper()
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .registerModule(
              new SimpleModule()
                  .addSerializer(Instant.class, new InstantText())
                  .addDeserializer(Instant.class, new TextInstant()));

  private final Path folder;

  /** What is no record, and is left where it is, is told of once. */
  private final Set<Path> reported = ConcurrentHashMap.newKeySet();

  AgentRecords(Path folder) {
    this.folder = folder;
  }

  private static final class InstantText extends JsonSerializer<Instant> {
    @Override
    public void serialize(Instant instant, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeString(instant.toString());
    }
  }

  private static final class TextInstant extends JsonDeserializer<Instant> {
    @Override
    public Instant deserialize(JsonParser json, DeserializationContext context) throws IOException {
      try {
        return Instant.parse(json.getText());
      } catch (DateTimeException e) {
        throw context.weirdStringException(json.getText(), Instant.class, e.getMessage());
      }
    }
  }

  /** The file of a record. */
  Path file(AgentRecord record) {
    return folder.resolve(AgentRegistry.name(record) + SUFFIX);
  }

  /**
   * Writes a record; when this returns it survives a loss of power.
   *
   * @throws IOException if it cannot be written; nothing of it is left then
   */
  void write(AgentRecord record) throws IOException {
    OwnerOnly.folder(folder);
    Path file = file(record);
    try {
      WholeFile.writeDurably(file, MAPPER.writeValueAsBytes(record));
    } catch (IOException e) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException stays) {
        e.addSuppressed(stays);
      }
      throw e;
    }
  }

  /** Removes a record, if it is still there. */
  void remove(AgentRecord record) {
    try {
      Files.deleteIfExists(file(record));
    } catch (IOException e) {
      // The next worker takes it for that of an agent that has ended, and tries again.
      log.warn("{} cannot be removed", file(record), e);
    }
  }

  /** All records that can be read. Changes nothing. */
  List<AgentRecord> read() {
    return read(this::leave);
  }

  /** All records that can be read. What is none is moved aside. */
  List<AgentRecord> readAndMoveAside() {
    return read(this::moveAside);
  }

  private List<AgentRecord> read(BiConsumer<Path, IOException> unreadableOnes) {
    List<AgentRecord> records = new ArrayList<>();
    for (Path file : files("*" + SUFFIX)) {
      try {
        if (Files.size(file) > MAX_BYTES) {
          throw new IOException("more than " + MAX_BYTES + " bytes");
        }
        AgentRecord record = MAPPER.readValue(Files.readAllBytes(file), AgentRecord.class);
        if (record == null || !file.equals(file(record))) {
          throw new IOException("its content is that of another file");
        }
        records.add(record);
      } catch (NoSuchFileException ended) {
        log.debug("{} was removed meanwhile", file);
      } catch (IOException unreadable) {
        unreadableOnes.accept(file, unreadable);
      }
    }
    return records;
  }

  private void leave(Path file, IOException reason) {
    if (reported.add(file)) {
      log.warn("{} is no record of an agent, and stays: {}", file, reason.getMessage());
    }
  }

  private void moveAside(Path file, IOException reason) {
    try {
      Path aside = file.resolveSibling(file.getFileName() + UNREADABLE);
      Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
      log.warn(
          "{} is no record of an agent, and is kept as {}: {}",
          file,
          aside.getFileName(),
          reason.getMessage());
    } catch (IOException stays) {
      reason.addSuppressed(stays);
      leave(file, reason);
    }
  }

  /** Removes what workers that were killed in the middle of it did not finish to write. */
  void removeUnfinished(Instant now) {
    for (Path file : files("*" + WholeFile.PART)) {
      try {
        if (Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(ABANDONED))) {
          Files.deleteIfExists(file);
        }
      } catch (IOException e) {
        log.debug("{} was removed meanwhile, or stays", file, e);
      }
    }
  }

  private List<Path> files(String glob) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, glob)) {
      all.forEach(files::add);
    } catch (NoSuchFileException none) {
      return List.of();
    } catch (IOException | DirectoryIteratorException e) {
      throw new UncheckedIOException(
          new IOException(folder + ": the records of agents cannot be listed", e));
    }
    return files;
  }
}
