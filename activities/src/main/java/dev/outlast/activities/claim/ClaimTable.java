package dev.outlast.activities.claim;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.file.FolderLock;
import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.file.WholeFile;
import dev.outlast.activities.process.AgentRecord;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.ProcessIdentity;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may run an agent on this host. Each attempt that is about to start one claims the session and
 * the workspace for its run; there is one file for each run, whose content is the newest attempt's.
 *
 * <p>Of one run, a newer attempt takes over at once, and an older one is refused, also after the
 * newer one has ended. Of two runs the one that comes later is told that it is busy, as long as the
 * other's worker lives and has not given the claim back. What is free goes to the run that has
 * {@link WaitingRuns waited} longest.
 *
 * <p>A worker may be frozen at any moment and go on much later, beside the attempt that took its
 * place; no lock is held for so long. What keeps its agent from running is the order of steps. The
 * newcomer writes its claim, <em>then</em> ends every agent on record of its run. The starter puts
 * its agent on record, which is held and does nothing yet, <em>then</em> looks whether the claim is
 * still its own, <em>then</em> lets the agent go. So wherever the starter was frozen,
 *
 * <ul>
 *   <li>before its claim: it comes late, is older than what is written, and is refused;
 *   <li>between its claim and the record: it finds the claim gone, and ends the held agent;
 *   <li>between the record and the look: the newcomer has ended the held agent, and the claim is
 *       gone;
 *   <li>between the look and the letting go: the newcomer has ended the held agent, since it was on
 *       record; there is nobody to let go;
 *   <li>while the agent works: the newcomer has ended it before starting its own. The starter finds
 *       the claim gone, and reports nothing;
 *   <li>while it reports: its agent has ended, and the server refuses the report.
 * </ul>
 *
 * The newcomer can be frozen too, between its claim and the ending, while a third attempt takes
 * over: it lists the agents first, then looks whether the claim is still its own, and ends the
 * listed ones only, none of which can be the third one's then.
 *
 * <p>Files are changed under {@link FolderLock} and replaced whole, so that they can be read at any
 * moment. They are not forced to the disk: what they say matters while the machine runs, and a
 * worker of before its start is dead. The folder must be on a local file system, where all
 * processes see one order of writes, and workers that share it must see each other's processes, for
 * which {@link AgentRegistry#reap} cares. Thread-safe; there may be several in one process and on
 * one folder.
 */
public final class ClaimTable {

  /**
   * How long it is tried to change the files. Together with the ending of an agent that was left
   * behind it must stay below an invocation's heartbeat timeout of 30 s.
   */
  static final Duration PATIENCE = Duration.ofSeconds(10);

  /** After how long it is tried again to give back a claim that could not be. */
  static final Duration RELEASE_PAUSE = Duration.ofSeconds(5);

  /** For how long a run's last attempt is remembered, so that an older one is refused. */
  static final Duration REMEMBERED = Duration.ofDays(30);

  /** By how much the server's clock may be ahead of this host's before it is taken to be wrong. */
  static final Duration AHEAD = Duration.ofMinutes(5);

  /** The most runs that are remembered; of more, the oldest are forgotten. */
  static final int MAX_REMEMBERED = 10_000;

  /** How often what is not needed any more is taken away. */
  static final Duration TIDY = Duration.ofDays(1);

  /** The largest file that can be a claim, in bytes. */
  static final long MAX_FILE = 64 * 1024;

  private static final Logger log = LoggerFactory.getLogger(ClaimTable.class);
  private static final String FOLDER = "claims";
  private static final String RELEASED = "released";
  private static final String LOCK = "lock";
  private static final String WAITING = "waiting";
  private static final String SUFFIX = ".json";
  private static final String BROKEN = ".broken";
  private static final int NAME_LENGTH = 32;
  private static final ObjectMapper MAPPER =
      new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  private final Path held;
  private final Path released;
  private final WaitingRuns waiting;
  private final RecordedAgents agents;
  private final ProcessIdentity worker;
  private final Predicate<ProcessIdentity> lives;
  private final Clock clock;
  private final Duration patience;
  private final List<Claim> unreleased = new ArrayList<>();
  private Thread releaser;
  private Instant tidied = Instant.MIN;

  ClaimTable(
      Path stateFolder,
      RecordedAgents agents,
      ProcessIdentity worker,
      Predicate<ProcessIdentity> lives,
      Clock clock,
      Duration patience) {
    this.held = stateFolder.resolve(FOLDER);
    this.released = held.resolve(RELEASED);
    this.waiting = new WaitingRuns(held.resolve(WAITING), MAPPER);
    this.agents = agents;
    this.worker = worker;
    this.lives = lives;
    this.clock = clock;
    this.patience = patience;
  }

  /**
   * The claims of a host, made by this process. Touches nothing yet.
   *
   * @param registry where every agent is on record before it runs
   */
  public static ClaimTable of(Path stateFolder, AgentRegistry registry, Clock clock) {
    RecordedAgents agents =
        new RecordedAgents() {
          @Override
          public List<AgentRecord> records() {
            return registry.records();
          }

          @Override
          public boolean end(Predicate<AgentRecord> which) {
            return registry.end(which);
          }
        };
    return new ClaimTable(
        stateFolder, agents, ProcessIdentity.current(), registry::lives, clock, PATIENCE);
  }

  /**
   * The claims that are held on a host, the oldest first. Changes nothing.
   *
   * @throws IOException if they cannot be read
   */
  public static List<Claim> held(Path stateFolder) throws IOException {
    List<Claim> claims = new ArrayList<>();
    for (Path file : files(stateFolder.resolve(FOLDER), "*" + SUFFIX)) {
      try {
        read(file).ifPresent(claims::add);
      } catch (JsonProcessingException broken) {
        log.debug("{} holds no claim", file, broken);
      }
    }
    claims.sort(Comparator.comparingLong(Claim::since));
    return claims;
  }

  /**
   * Claims the sessions and the workspace, and ends what earlier attempts of the run have left
   * behind. Takes no longer than the patience for the lock, and the ending of agents.
   *
   * @param sessionKind tells the sessions of one kind of agent from those of others
   * @param sessions as far as they are known
   * @param workspace a real path
   * @param waits whether the run asks again if it is told that it is busy, and so has a turn
   * @throws IOException if nothing can be claimed, and so nothing may be started; the message names
   *     the file or the process
   */
  public Answer take(
      Claimant who,
      String sessionKind,
      Collection<SessionId> sessions,
      Path workspace,
      boolean waits)
      throws IOException {
    Claim wanted =
        new Claim(
            who,
            worker,
            sessionKind,
            sessions.stream().map(SessionId::value).distinct().toList(),
            workspace.toString(),
            Territory.of(workspace),
            clock.millis());
    List<Claim> others;
    List<Answer.Busy> busy;
    FolderLock lock = lock();
    try {
      tidyIfDue();
      Optional<Claimant> newer = newerThan(who);
      if (newer.isPresent()) {
        return new Answer.Outdated(newer.get().owner());
      }
      others = othersThan(who);
      busy = obstacles(wanted, others);
      if (busy.isEmpty() && !goesOn(who)) {
        busy = waiting.before(wanted, clock.instant());
      }
      if (!busy.isEmpty()) {
        // The attempt counts nevertheless: an older one must not start an agent after it.
        Files.deleteIfExists(heldBy(who));
        write(rememberedOf(who), wanted);
        if (waits) {
          waiting.waits(wanted, busy, clock.instant());
        }
      } else {
        // Whatever fails from here on, there is no claim that nobody gives back.
        waiting.hasWaited(wanted);
        for (Claim stale : others) {
          if (!obstructs(stale, wanted).isEmpty()) {
            remember(stale);
          }
        }
        write(heldBy(who), wanted);
        Files.deleteIfExists(rememberedOf(who));
      }
    } finally {
      lock.close();
    }
    boolean settled = false;
    try {
      if (!endFormer(wanted, others, busy.isEmpty())) {
        return new Answer.Outdated(newerThan(who).orElse(who).owner());
      }
      settled = true;
    } finally {
      if (!settled) {
        release(wanted);
      }
    }
    return busy.isEmpty() ? new Answer.Granted(new HeldClaim(this, wanted)) : busy.get(0);
  }

  /** Whether it is in the middle of what it has begun, and so gives way to nobody who waits. */
  private boolean goesOn(Claimant who) {
    return who.owner().attempt() > 1 || Files.exists(heldBy(who));
  }

  /** Whether a claim is the one that is held for its run. */
  boolean holds(Claim claim) throws IOException {
    return isIn(heldBy(claim.claimant()), claim);
  }

  private static boolean isIn(Path file, Claim claim) throws IOException {
    try {
      return read(file).filter(claim::madeBy).isPresent();
    } catch (JsonProcessingException broken) {
      return false;
    }
  }

  /** Replaces a held claim by one with more sessions, unless another run's agent is there. */
  Optional<Answer.Busy> extend(Claim more) throws IOException {
    FolderLock lock = lock();
    try {
      Optional<Answer.Busy> busy =
          othersThan(more.claimant()).stream()
              .filter(other -> more.sharesSessionWith(other) && lives.test(other.worker()))
              .map(other -> new Answer.Busy(Answer.Busy.What.SESSION, other.run()))
              .findFirst();
      if (busy.isEmpty() && holds(more)) {
        write(heldBy(more.claimant()), more);
      }
      return busy;
    } finally {
      lock.close();
    }
  }

  private List<Answer.Busy> obstacles(Claim wanted, List<Claim> others) throws IOException {
    List<Answer.Busy> claimed = new ArrayList<>();
    for (Claim other : others) {
      List<Answer.Busy> busy = obstructs(other, wanted);
      if (!busy.isEmpty() && lives.test(other.worker())) {
        claimed.addAll(busy);
      }
    }
    if (!claimed.isEmpty()) {
      return claimed;
    }
    // An agent may outlast its claim for a moment: it is about to be ended for a newer attempt,
    // which has given up by itself.
    return recorded().stream()
        .filter(agent -> !wanted.run().equals(agent.owner().workflowId()))
        .filter(agent -> others.stream().noneMatch(other -> other.isOf(agent.owner())))
        .filter(agent -> lives.test(agent.worker()) && lives.test(agent.agent()))
        .flatMap(agent -> obstructs(agent, wanted).stream())
        .toList();
  }

  private static List<Answer.Busy> obstructs(AgentRecord agent, Claim wanted) {
    return busy(
        agent.owner().workflowId(),
        agent.session() != null && wanted.sessions().contains(agent.session()),
        agent.workspace() != null && wanted.overlaps(agent.workspace()));
  }

  private static List<Answer.Busy> busy(String run, boolean session, boolean workspace) {
    List<Answer.Busy> busy = new ArrayList<>();
    if (session) {
      busy.add(new Answer.Busy(Answer.Busy.What.SESSION, run));
    }
    if (workspace) {
      busy.add(new Answer.Busy(Answer.Busy.What.WORKSPACE, run));
    }
    return busy;
  }

  private List<AgentRecord> recorded() throws IOException {
    try {
      return agents.records();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** All of what is wanted that is another's. */
  static List<Answer.Busy> obstructs(Claim other, Claim wanted) {
    return busy(other.run(), other.sharesSessionWith(wanted), wanted.overlaps(other));
  }

  /**
   * Ends the agents of earlier attempts, and those that dead workers have left in the workspace or
   * on the session.
   *
   * @return false if a newer attempt has come meanwhile; then nothing was ended
   */
  private boolean endFormer(Claim wanted, List<Claim> others, boolean granted) throws IOException {
    List<AgentRecord> former =
        recorded().stream()
            .filter(
                agent ->
                    ofSameRun(agent, wanted, others)
                        || (granted
                            && !obstructs(agent, wanted).isEmpty()
                            && !lives.test(agent.worker())))
            .toList();
    Path file = granted ? heldBy(wanted.claimant()) : rememberedOf(wanted.claimant());
    if (!isIn(file, wanted)) {
      return false;
    }
    if (former.isEmpty()) {
      return true;
    }
    for (AgentRecord agent : former) {
      log.warn(
          "Ending agent {} of run {}, attempt {}, which is on record from before",
          agent.agent().pid(),
          agent.owner().workflowId(),
          agent.owner().attempt());
    }
    Set<ProcessIdentity> listed =
        former.stream().map(AgentRecord::agent).collect(Collectors.toSet());
    boolean gone;
    try {
      gone = agents.end(agent -> listed.contains(agent.agent()));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (!gone) {
      throw new IOException(
          "an agent of an earlier attempt does not end (process "
              + listed.stream()
                  .map(one -> Long.toString(one.pid()))
                  .collect(Collectors.joining(", "))
              + "); end it by hand");
    }
    return true;
  }

  /** Records do not know servers and namespaces, in which workflow ids are unique; claims do. */
  private static boolean ofSameRun(AgentRecord agent, Claim wanted, List<Claim> others) {
    return wanted.run().equals(agent.owner().workflowId())
        && others.stream().noneMatch(other -> other.isOf(agent.owner()));
  }

  /** Gives a claim back if it is still held. */
  void release(Claim claim) {
    boolean interrupted = Thread.interrupted();
    try {
      releaseNow(claim);
    } catch (IOException e) {
      log.warn(
          "The claim of run {} on {} cannot be given back yet; it is tried again",
          claim.run(),
          claim.workspace(),
          e);
      releaseLater(claim);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void releaseNow(Claim claim) throws IOException {
    if (Files.notExists(held)) {
      return;
    }
    FolderLock lock = lock();
    try {
      if (holds(claim)) {
        remember(claim);
      }
    } finally {
      lock.close();
    }
  }

  private synchronized void releaseLater(Claim claim) {
    unreleased.add(claim);
    if (releaser == null) {
      releaser = new Thread(this::releaseUntilNoneIsLeft, "outlast-claims");
      releaser.setDaemon(true);
      releaser.start();
    }
  }

  private void releaseUntilNoneIsLeft() {
    while (true) {
      try {
        Thread.sleep(RELEASE_PAUSE.toMillis());
      } catch (InterruptedException nobodyDoes) {
        log.debug("Interrupted between two tries to give claims back", nobodyDoes);
      }
      List<Claim> due;
      synchronized (this) {
        due = List.copyOf(unreleased);
      }
      // Each may take as long as the patience; nobody is to wait for that who adds one.
      List<Claim> done = due.stream().filter(this::isReleased).toList();
      synchronized (this) {
        unreleased.removeAll(done);
        if (unreleased.isEmpty()) {
          releaser = null;
          return;
        }
      }
    }
  }

  private boolean isReleased(Claim claim) {
    try {
      releaseNow(claim);
      return true;
    } catch (IOException notYet) {
      log.debug("The claim of run {} still cannot be given back", claim.run(), notYet);
      return false;
    }
  }

  /** Ends a claim without forgetting who had it. Needs no room on the disk. */
  private void remember(Claim claim) throws IOException {
    try {
      Files.move(
          heldBy(claim.claimant()),
          rememberedOf(claim.claimant()),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } catch (NoSuchFileException gone) {
      log.debug("The claim of run {} is gone", claim.run(), gone);
    }
  }

  /** Takes away what nobody asks for any more. The folder must be locked. */
  private void tidyIfDue() {
    Instant now = clock.instant();
    if (tidied.isAfter(now.minus(TIDY))) {
      return;
    }
    tidied = now;
    try {
      for (Path file : files(held, "*" + SUFFIX)) {
        Optional<Claim> claim = readOrMoveAside(file);
        if (claim.isPresent() && !lives.test(claim.get().worker())) {
          remember(claim.get());
        }
      }
      deleteOld(files(held, "*{" + BROKEN + "," + WholeFile.PART + "}"), now);
      deleteOld(files(released, "*"), now);
    } catch (IOException e) {
      log.warn("{} could not be tidied up", held, e);
    }
  }

  private static void deleteOld(List<Path> files, Instant now) throws IOException {
    Map<Path, Instant> written = new HashMap<>();
    for (Path file : files) {
      written.put(file, Files.getLastModifiedTime(file).toInstant());
    }
    List<Path> newestFirst = new ArrayList<>(files);
    newestFirst.sort(Comparator.comparing(written::get, Comparator.reverseOrder()));
    for (int i = 0; i < newestFirst.size(); i++) {
      Path file = newestFirst.get(i);
      if (i >= MAX_REMEMBERED || written.get(file).isBefore(now.minus(REMEMBERED))) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** The newest of the attempts of its run for which the server has given this one up. */
  private Optional<Claimant> newerThan(Claimant who) throws IOException {
    Optional<Claim> holder = readOrMoveAside(heldBy(who));
    boolean works = holder.isPresent() && lives.test(holder.get().worker());
    Optional<Claim> last = readOrMoveAside(rememberedOf(who));
    return Stream.of(
            holder.map(Claim::claimant).filter(one -> works || !wasScheduledAhead(one, who)),
            last.map(Claim::claimant).filter(one -> !wasScheduledAhead(one, who)))
        .flatMap(Optional::stream)
        .filter(who::isOlderThan)
        .reduce((one, other) -> one.isOlderThan(other) ? other : one);
  }

  /**
   * Whether the time of one that has ended says nothing of another execution's: the server's clock
   * was ahead, and is right again. If it is this host's clock that is wrong, both are ahead of it.
   */
  private boolean wasScheduledAhead(Claimant ended, Claimant who) {
    long latest = clock.millis() + AHEAD.toMillis();
    return !ended.sameExecution(who) && ended.scheduledAt() > latest && who.scheduledAt() <= latest;
  }

  private List<Claim> othersThan(Claimant who) throws IOException {
    List<Claim> claims = new ArrayList<>();
    for (Path file : files(held, "*" + SUFFIX)) {
      readOrMoveAside(file).filter(claim -> !claim.claimant().sameRun(who)).ifPresent(claims::add);
    }
    return claims;
  }

  /**
   * Nobody can start an agent with a claim that cannot be read, and one that works already is found
   * by its record.
   */
  private static Optional<Claim> readOrMoveAside(Path file) throws IOException {
    try {
      return read(file);
    } catch (JsonProcessingException broken) {
      Path aside = file.resolveSibling(file.getFileName() + BROKEN);
      Files.move(file, aside, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      log.warn(
          "{} held no claim that can be read ({}); it is {} now",
          file,
          broken.getOriginalMessage(),
          aside.getFileName());
      return Optional.empty();
    }
  }

  /**
   * @return empty if there is none
   * @throws JsonProcessingException if the file holds something else
   */
  private static Optional<Claim> read(Path file) throws IOException {
    try {
      byte[] content = Files.size(file) > MAX_FILE ? new byte[0] : Files.readAllBytes(file);
      Claim claim = MAPPER.readValue(content, Claim.class);
      if (claim == null) {
        throw new JsonParseException(null, "null");
      }
      return Optional.of(claim);
    } catch (NoSuchFileException none) {
      return Optional.empty();
    }
  }

  private static void write(Path file, Claim claim) throws IOException {
    WholeFile.write(file, MAPPER.writeValueAsBytes(claim), Set.of());
  }

  private FolderLock lock() throws IOException {
    OwnerOnly.folder(released);
    return FolderLock.take(held.resolve(LOCK), patience);
  }

  private Path heldBy(Claimant who) {
    return held.resolve(name(who));
  }

  private Path rememberedOf(Claimant who) {
    return released.resolve(name(who));
  }

  /** Workflow ids may be long and have any character. */
  private static String name(Claimant who) {
    String run = who.namespace() + "\n" + who.owner().workflowId();
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(run.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest).substring(0, NAME_LENGTH) + SUFFIX;
    } catch (NoSuchAlgorithmException everyJavaHasIt) {
      throw new IllegalStateException(everyJavaHasIt);
    }
  }

  private static List<Path> files(Path folder, String glob) throws IOException {
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
      List<Path> files = new ArrayList<>();
      stream.forEach(files::add);
      return files;
    } catch (NoSuchFileException none) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }
}
