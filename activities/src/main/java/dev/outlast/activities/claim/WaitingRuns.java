package dev.outlast.activities.claim;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The runs that wait for what another run has, in the order in which they came, so that none is
 * overtaken for ever. A run asks by itself every minute or so; what has become free is kept for the
 * one that has waited longest, as long as that still asks; what was not busy for it when it asked
 * is kept from nobody. Who waits only waits for one that came before it, so no two wait for each
 * other.
 *
 * <p>They are in one file, to be used under the lock of its folder.
 */
final class WaitingRuns {

  /** For how long a run's turn is kept after it has asked; a run asks once in 75 s at least. */
  static final Duration GRACE = Duration.ofSeconds(90);

  /** After how long without asking a run has lost its place. */
  static final Duration FORGOTTEN = Duration.ofMinutes(10);

  /** The most runs that have a place; who comes then has one as soon as one is free. */
  static final int MAX_PLACES = 256;

  /** The largest file that can be theirs, in bytes. */
  static final long MAX_FILE = 4L * 1024 * 1024;

  private static final Logger log = LoggerFactory.getLogger(WaitingRuns.class);
  private static final TypeReference<List<Place>> PLACES = new TypeReference<>() {};

  /**
   * A run's place.
   *
   * @param wanted what it has asked for last
   * @param busy what of that was not free; null if an earlier version has noted it, and it may have
   *     been all
   * @param asked when that was, by the host's clock, in milliseconds since 1970
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Place(Claim wanted, Set<Answer.Busy.What> busy, long asked) {
    Place {
      Objects.requireNonNull(wanted, "wanted");
    }

    boolean keeps(Answer.Busy.What what) {
      return busy == null || busy.contains(what);
    }

    /** A clock that was set back must keep nobody's place for long either. */
    boolean askedWithin(Duration time, Instant now) {
      return Math.abs(now.toEpochMilli() - asked) <= time.toMillis();
    }
  }

  private final Path file;
  private final ObjectMapper mapper;

  WaitingRuns(Path file, ObjectMapper mapper) {
    this.file = file;
    this.mapper = mapper;
  }

  /**
   * Whether somebody who wants the same goes first.
   *
   * @return what is kept for them, of the first of them first
   */
  List<Answer.Busy> before(Claim wanted, Instant now) throws IOException {
    List<Answer.Busy> kept = new ArrayList<>();
    for (Place place : places()) {
      if (place.wanted().claimant().sameRun(wanted.claimant())) {
        break;
      }
      if (place.askedWithin(GRACE, now)) {
        ClaimTable.obstructs(place.wanted(), wanted).stream()
            .filter(busy -> place.keeps(busy.what()))
            .forEach(kept::add);
      }
    }
    return kept;
  }

  /** Keeps a run's place, or gives it one. */
  void waits(Claim wanted, List<Answer.Busy> busy, Instant now) throws IOException {
    List<Place> places = places();
    places.removeIf(place -> !place.askedWithin(FORGOTTEN, now));
    Set<Answer.Busy.What> what =
        busy.stream().map(Answer.Busy::what).collect(Collectors.toUnmodifiableSet());
    Place kept = new Place(wanted, what, now.toEpochMilli());
    int at = indexOf(wanted, places);
    if (at >= 0) {
      places.set(at, kept);
    } else if (places.size() < MAX_PLACES) {
      places.add(kept);
    }
    write(places);
  }

  /** A run does not wait any more. */
  void hasWaited(Claim granted) throws IOException {
    List<Place> places = places();
    int at = indexOf(granted, places);
    if (at >= 0) {
      places.remove(at);
      write(places);
    }
  }

  private static int indexOf(Claim claim, List<Place> places) {
    for (int i = 0; i < places.size(); i++) {
      if (places.get(i).wanted().claimant().sameRun(claim.claimant())) {
        return i;
      }
    }
    return -1;
  }

  private List<Place> places() throws IOException {
    try {
      byte[] content = Files.size(file) > MAX_FILE ? new byte[0] : Files.readAllBytes(file);
      List<Place> places = mapper.readValue(content, PLACES);
      return new ArrayList<>(places == null ? List.of() : places);
    } catch (NoSuchFileException nobodyHasWaited) {
      return new ArrayList<>();
    } catch (JsonProcessingException broken) {
      log.warn(
          "{} cannot be read ({}); who waits begins to wait anew",
          file,
          broken.getOriginalMessage());
      return new ArrayList<>();
    }
  }

  private void write(List<Place> places) throws IOException {
    WholeFile.write(file, mapper.writeValueAsBytes(places), Set.of());
  }
}
