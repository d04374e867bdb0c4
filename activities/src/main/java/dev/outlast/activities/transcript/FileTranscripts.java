package dev.outlast.activities.transcript;

import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.file.WholeFile;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps transcripts in files of this host: {@code PROVIDER/SESSION/NNNNNN.jsonl}, a record of JSON
 * a line.
 *
 * <p>Every attempt begins a file of its own, so that no two writers ever share one: a worker that
 * was frozen and comes back finds that there is a newer file and writes no more. Before a new file
 * is begun the last one is put in order, if its writer has not completed it; the number of the next
 * record is known then. While the agent has named no session, the folder is called after run,
 * invocation and attempt; it is renamed when the session is known. {@code runs/} says for each run
 * in which sessions there is something of it.
 */
public final class FileTranscripts implements TranscriptStore {

  /** The name that references carry. */
  public static final String NAME = "file";

  /** The size at which a session's next file begins, in bytes. */
  public static final long MAX_SEGMENT = 8L * 1024 * 1024;

  /** The most sessions that are remembered of one run. */
  static final int MAX_OF_RUN = 10_000;

  private static final Logger log = LoggerFactory.getLogger(FileTranscripts.class);
  private static final String RUNS = "runs";

  private final Path root;
  private final String host;
  private final TranscriptLimits limits;
  private final Upkeep upkeep;

  /** How much there may be of all sessions before it is looked how much there is. */
  private final AtomicLong credit = new AtomicLong();

  /**
   * @param root the folder for all of them, which is made when it is needed
   * @param host the id of this host
   */
  public FileTranscripts(Path root, String host, TranscriptLimits limits) {
    this.root = Objects.requireNonNull(root, "root").toAbsolutePath().normalize();
    this.host = Objects.requireNonNull(host, "host");
    this.limits = Objects.requireNonNull(limits, "limits");
    this.upkeep = new Upkeep(this.root);
  }

  /** The folder of a host's transcripts, in its state folder. */
  public static Path folder(Path stateFolder) {
    return stateFolder.resolve("transcripts");
  }

  @Override
  public String name() {
    return NAME;
  }

  TranscriptLimits limits() {
    return limits;
  }

  Upkeep upkeep() {
    return upkeep;
  }

  @Override
  public TranscriptWriter store(TranscriptContext context) {
    return new FileTranscriptWriter(this, context);
  }

  static String key(TranscriptContext context) {
    return key(
        context,
        context.session() == null
            ? TranscriptName.unnamed(context)
            : TranscriptName.of(context.session()));
  }

  static String key(TranscriptContext context, SessionId session) {
    return key(context, TranscriptName.of(session));
  }

  private static String key(TranscriptContext context, String name) {
    return TranscriptName.encoded(context.provider()) + "/" + name;
  }

  TranscriptReference reference(String key) {
    return new TranscriptReference(NAME, host, key);
  }

  /** The folder of a key; a key may come from anywhere. */
  Path folderOf(String key) {
    String[] parts = key.split("/", -1);
    if (parts.length != 2 || !TranscriptName.valid(parts[0]) || !TranscriptName.valid(parts[1])) {
      throw new IllegalArgumentException(
          "transcript: the key is none of this store; expected PROVIDER/SESSION");
    }
    return root.resolve(parts[0]).resolve(parts[1]);
  }

  @Override
  public void retrieve(TranscriptReference reference, Consumer<TranscriptRecord> sink)
      throws IOException {
    Segments.read(files(reference), sink);
  }

  /** Gives whole files, the newest ones that are enough together. */
  @Override
  public void retrieveEnd(
      TranscriptReference reference, long enough, Consumer<TranscriptRecord> sink)
      throws IOException {
    List<Path> files = files(reference);
    int first = files.size();
    for (long given = 0; first > 0 && given < enough; first--) {
      given += Segments.size(files.get(first - 1));
    }
    Segments.read(files.subList(first, files.size()), sink);
  }

  private List<Path> files(TranscriptReference reference) throws IOException {
    if (!reference.store().equals(NAME) || !host.equals(reference.host())) {
      throw new IllegalArgumentException(
          "transcript: it is kept by store '"
              + reference.store()
              + "' of host "
              + reference.host()
              + "; this is store '"
              + NAME
              + "' of host "
              + host);
    }
    return Segments.of(folderOf(reference.key()));
  }

  /** Remembers that there is something of a run under a key. */
  void remember(String run, String key) throws IOException {
    Path file = index(run);
    OwnerOnly.folder(file.getParent());
    try (FileChannel channel = OwnerOnly.append(file)) {
      if (keys(file).contains(key)) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
        return;
      }
      channel.write(ByteBuffer.wrap((key + "\n").getBytes(StandardCharsets.UTF_8)));
    }
  }

  private static Set<String> keys(Path index) throws IOException {
    try (Stream<String> lines = Files.lines(index, StandardCharsets.ISO_8859_1)) {
      return lines.limit(MAX_OF_RUN).collect(Collectors.toCollection(LinkedHashSet::new));
    } catch (NoSuchFileException none) {
      return Set.of();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private Path index(String run) {
    return root.resolve(RUNS).resolve(TranscriptName.encoded(run));
  }

  @Override
  public List<TranscriptReference> ofRun(String run) throws IOException {
    List<TranscriptReference> found = new ArrayList<>();
    for (String key : keys(index(run))) {
      try {
        if (Files.isDirectory(folderOf(key), LinkOption.NOFOLLOW_LINKS)) {
          found.add(reference(key));
        }
      } catch (IllegalArgumentException torn) {
        log.debug("A line of {} is no key", index(run), torn);
      }
    }
    return found;
  }

  /** Keeps a session within its bound, but for the file that is being written. */
  void shrink(Path folder) throws IOException {
    Segments.shrink(Segments.of(folder), limits.maxSession() - limits.segment(), upkeep);
  }

  /**
   * Keeps all sessions within their bound when more has been written of one. That takes a look at
   * all of them, for which there is a reason once for each {@link TranscriptLimits#slack()}.
   */
  void written(long bytes) {
    if (credit.addAndGet(-bytes) >= 0) {
      return;
    }
    // Others who write meanwhile do not look too.
    credit.set(limits.slack());
    try {
      shrink(all());
    } catch (IOException full) {
      log.debug("{} cannot be made smaller now", root, full);
    }
  }

  private void shrink(List<Path> files) throws IOException {
    List<Aged> byAge = new ArrayList<>();
    files.forEach(file -> byAge.add(new Aged(file, modified(file))));
    byAge.sort(Comparator.comparing(Aged::modified));
    long left =
        Segments.shrink(
            byAge.stream().map(Aged::file).toList(), limits.maxTotal() - limits.slack(), upkeep);
    credit.set(Math.max(limits.slack(), limits.maxTotal() - left));
  }

  private record Aged(Path file, Instant modified) {}

  private List<Path> all() throws IOException {
    List<Path> all = new ArrayList<>();
    for (Path session : sessions()) {
      all.addAll(Segments.of(session));
    }
    return all;
  }

  private List<Path> sessions() throws IOException {
    List<Path> sessions = new ArrayList<>();
    for (Path provider : folders(root)) {
      if (!provider.getFileName().toString().equals(RUNS)) {
        sessions.addAll(folders(provider));
      }
    }
    return sessions;
  }

  @Override
  public void clean(Instant now) throws IOException {
    Instant oldest = now.minus(limits.retention());
    List<Path> left = new ArrayList<>();
    for (Path session : sessions()) {
      left.addAll(upkeep.alone(() -> cleaned(session, oldest)));
    }
    shrink(left);
    for (Path index : files(root.resolve(RUNS))) {
      if (Segments.olderThan(index, oldest)) {
        Files.deleteIfExists(index);
      }
    }
  }

  /** Deletes what is too old of a session, and says what is left of it. */
  private List<Path> cleaned(Path session, Instant oldest) throws IOException {
    for (Path file : files(session)) {
      // Nobody is writing it, as we are alone.
      if (file.getFileName().toString().endsWith(WholeFile.PART)) {
        Files.deleteIfExists(file);
      }
    }
    List<Path> files = Segments.of(session);
    int kept = 0;
    while (kept < files.size()
        && Segments.olderThan(files.get(kept), oldest)
        && upkeep.atRest(files.get(kept))) {
      Files.deleteIfExists(files.get(kept));
      kept++;
    }
    if (kept == files.size() && (kept > 0 || Segments.olderThan(session, oldest))) {
      try {
        Files.deleteIfExists(session);
      } catch (DirectoryNotEmptyException inUse) {
        log.debug("{} is in use again", session, inUse);
      }
    }
    return files.subList(kept, files.size());
  }

  private static Instant modified(Path file) {
    try {
      return Files.getLastModifiedTime(file).toInstant();
    } catch (IOException gone) {
      log.debug("{} is gone", file, gone);
      return Instant.EPOCH;
    }
  }

  private static List<Path> folders(Path folder) throws IOException {
    return listed(folder).stream()
        .filter(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
        .toList();
  }

  private static List<Path> files(Path folder) throws IOException {
    return listed(folder).stream()
        .filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
        .toList();
  }

  private static List<Path> listed(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.sorted().toList();
    } catch (NoSuchFileException none) {
      return List.of();
    }
  }
}
