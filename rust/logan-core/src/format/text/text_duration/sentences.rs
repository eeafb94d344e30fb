//! Sentences of programs and what they say about response times.
//!
//! Where a program documents the layout or prints it from its public source, that is named. The
//! numbers are made up.

use super::{Cache, NO_DURATION, find};
use crate::bytes::line::PaddedLine;
use crate::bytes::simd::Plain;
use proptest::prelude::*;

const NS: u64 = 1;
const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;
const MIN: u64 = 60 * S;
const H: u64 = 60 * MIN;

/// Texts with the nanoseconds of their response times, and sources.
const TIMES: &[(&str, u64, &str)] = &[
    // Beside settings.
    (
        "slow query according to -search.logSlowQueryDuration=5s: duration=7.213 seconds; x",
        7_213 * MS,
        "docs.victoriametrics.com",
    ),
    (
        "Resource_List.walltime=00:16:40 session=1 resources_used.walltime=00:01:10",
        70 * S,
        "docs.adaptivecomputing.com/torque/3-0-5/9.1accounting.php",
    ),
    // Words of completion.
    ("Request processed in 431ms", 431 * MS, ""),
    ("Request 101 processed in 431ms", 431 * MS, ""),
    ("Request handled in 18 ms", 18 * MS, ""),
    ("request served in 1.25 s", 1_250 * MS, ""),
    (
        "Completed 200 OK in 62ms (Views: 41.3ms | ActiveRecord: 7.9ms | Allocations: 3120)",
        62 * MS,
        "guides.rubyonrails.org/debugging_rails_applications",
    ),
    (
        "Completed 404 Not Found in 9ms (ActiveRecord: 0.4ms)",
        9 * MS,
        "guides.rubyonrails.org/debugging_rails_applications",
    ),
    (
        "Completed 504 Gateway Timeout in 30002ms",
        30_002 * MS,
        "guides.rubyonrails.org/debugging_rails_applications",
    ),
    (
        "Completed 500 Internal Server Error in 12ms (ActiveRecord: 1.0ms)",
        12 * MS,
        "guides.rubyonrails.org/debugging_rails_applications",
    ),
    ("Sent 200 in 23ms", 23 * MS, "hexdocs.pm/phoenix/Phoenix.Logger"),
    ("Sent 404 in 730µs", 730 * US, "hexdocs.pm/phoenix/Phoenix.Logger"),
    (
        "HTTP GET /orders responded 200 in 17.4421 ms",
        17_442_100,
        "github.com/serilog/serilog-aspnetcore",
    ),
    (
        "HTTP POST /orders responded 503 in 2001.0000 ms",
        2_001 * MS,
        "github.com/serilog/serilog-aspnetcore",
    ),
    ("Executed endpoint 'Shop.Index' in 33.1ms", 33_100 * US, ""),
    (
        "Executed action Shop.Controllers.HomeController.Index (Shop) in 48.61ms",
        48_610 * US,
        "learn.microsoft.com/aspnet/core/fundamentals/logging",
    ),
    (
        "Task shop.tasks.mail[6d1c0c3e-0000-4000-8000-00000000000a] succeeded in 0.3312s: None",
        331_200 * US,
        "docs.celeryq.dev/en/stable/userguide/tasks.html",
    ),
    ("Ran 31 tests in 4.275s", 4_275 * MS, "docs.python.org/3/library/unittest.html"),
    ("12 passed in 0.55s", 550 * MS, "docs.pytest.org/en/stable/how-to/output.html"),
    ("1 failed, 11 passed in 2.34s", 2_340 * MS, "docs.pytest.org/en/stable/how-to/output.html"),
    ("VITE v5.0.12  ready in 412 ms", 412 * MS, "vitejs.dev/guide"),
    ("built in 3.07s", 3_070 * MS, "vitejs.dev/guide/build"),
    (
        "webpack 5.90.0 compiled successfully in 1843 ms",
        1_843 * MS,
        "webpack.js.org/guides/getting-started",
    ),
    ("webpack 5.90.0 compiled with 2 warnings in 1843 ms", 1_843 * MS, "webpack.js.org/guides"),
    ("webpack 5.90.0 compiled with 3 errors in 1843 ms", 1_843 * MS, "webpack.js.org/guides"),
    ("Compiled /orders in 2.6s (512 modules)", 2_600 * MS, "nextjs.org/docs"),
    (" GET /orders 200 in 87ms", 87 * MS, "nextjs.org/docs"),
    (
        "Started ShopApplication in 7.381 seconds (process running for 8.02)",
        7_381 * MS,
        "docs.spring.io/spring-boot/reference/features/spring-application.html",
    ),
    (
        "Root WebApplicationContext: initialization completed in 1207 ms",
        1_207 * MS,
        "docs.spring.io/spring-boot",
    ),
    ("Server startup in 5120 ms", 5_120 * MS, "tomcat.apache.org/tomcat-8.0-doc"),
    (
        "Finished Spring Data repository scanning in 61 ms. Found 4 JPA repository interfaces.",
        61 * MS,
        "docs.spring.io/spring-data",
    ),
    (
        "[GroupMetadataManager brokerId=1] Finished loading offsets and group metadata from __consumer_offsets-31 in 14 milliseconds for epoch 0, of which 2 milliseconds was spent in the scheduler.",
        14 * MS,
        "github.com/apache/kafka GroupMetadataManager",
    ),
    (
        "[KafkaServer id=1] Completed load of Log with 1 log segments in 22 ms",
        22 * MS,
        "github.com/apache/kafka",
    ),
    (
        "fsync-ing the write ahead log in SyncThread:2 took 1310ms which will adversely effect operation latency.",
        1_310 * MS,
        "github.com/apache/zookeeper FileTxnLog",
    ),
    (
        "Job 7 finished: count at Orders.scala:31, took 2.104512 s",
        2_104_512 * US,
        "github.com/apache/spark DAGScheduler",
    ),
    (
        "Finished task 3.0 in stage 7.0 (TID 41) in 118 ms on 10.1.0.7 (executor 2) (4/8)",
        118 * MS,
        "github.com/apache/spark TaskSetManager",
    ),
    (
        "ResultStage 7 (count at Orders.scala:31) finished in 2.090 s",
        2_090 * MS,
        "github.com/apache/spark DAGScheduler",
    ),
    ("Code generated in 19.208417 ms", 19_208_417, "github.com/apache/spark CodeGenerator"),
    ("Block broadcast_4 stored in 12 ms", 12 * MS, ""),
    (
        "Compacted (e1a6f0) 4 sstables to [/var/lib/db/data] to level=0.  1.2MiB to 0.9MiB (~75% of original) in 812ms.",
        812 * MS,
        "cassandra.apache.org/doc",
    ),
    (
        "Completed flushing /var/lib/cassandra/data/shop/nb-1-big-Data.db (1.2KiB) in 35ms",
        35 * MS,
        "",
    ),
    ("Read 1 live rows and 0 tombstone cells took 12 ms", 12 * MS, ""),
    ("apply request took too long [148.2ms] to execute", 148_200 * US, "etcd.io/docs/v3.4/faq"),
    (
        "read-only range request \"key:\\\"/registry/pods\\\" \" took too long (211.7ms) to execute",
        211_700 * US,
        "etcd.io/docs/v3.4/faq",
    ),
    ("backup took 5412s", 5_412 * S, ""),
    ("GET /orders took 0.9s", 900 * MS, ""),
    ("payment took about 250 ms", 250 * MS, ""),
    ("call took approximately 2 seconds", 2 * S, ""),
    ("query took (33ms)", 33 * MS, ""),
    ("request took 120ms (queue time 45ms)", 120 * MS, ""),
    ("request took 120ms, db 80ms, view 31ms", 120 * MS, ""),
    ("handled in 15ms; waited 30s before", 15 * MS, ""),
    ("took 5ms, retrying in 30s", 5 * MS, ""),
    ("retry 3 took 18ms", 18 * MS, ""),
    ("took 5ms, then took 7ms", 5 * MS, ""),
    ("done: 0.204 sec", 204 * MS, "github.com/sidekiq/sidekiq/wiki/Logging before 6"),
    ("Done (1.7s)", 1_700 * MS, ""),
    ("finished [35 ms]", 35 * MS, ""),
    ("completed after 350ms", 350 * MS, ""),
    (
        "[orders][2] took[91.3micros], took_millis[0], total_hits[0 hits], types[], stats[]",
        91_300 * NS,
        "elastic.co/guide/en/elasticsearch/reference/current/index-modules-slowlog.html",
    ),
    (
        "[orders][2] took[1.4s], took_millis[1400], total_hits[12 hits]",
        1_400 * MS,
        "elastic.co/guide/en/elasticsearch/reference/current/index-modules-slowlog.html",
    ),
    (
        "event processing time {:plugin_params=>{}, :took_in_nanos=>2145008871, :took_in_millis=>2145}",
        2_145_008_871,
        "elastic.co/guide/en/logstash/current/logging.html#_slowlog",
    ),
    ("Executing query took 12.5 msecs", 12_500 * US, ""),
    ("Cache refreshed in 91ms", 91 * MS, ""),
    ("Index rebuilt in 2m 5s", 2 * MIN + 5 * S, ""),
    ("Snapshot restored in 1h12m", H + 12 * MIN, ""),
    ("Connected to 10.0.0.9:5432 in 31ms", 31 * MS, ""),
    ("Lock acquired in 12ms", 12 * MS, ""),
    ("Response received in 77ms", 77 * MS, ""),
    ("Query returned 12 rows in 3.9 ms", 3_900 * US, ""),
    ("Imported 5012 rows in 8.1 s", 8_100 * MS, ""),
    ("Build failed in 12.1 s", 12_100 * MS, ""),
    (
        "router: completed GET /eve/shop for 192.0.2.9:0, 200 OK in 14.8ms @ repo/view.go:781(repo.Home)",
        14_800 * US,
        "docs.gitea.com/administration/logging-config",
    ),
    ("router: completed GET /x for 192.0.2.9:0, 504 Gateway Timeout in 14.8ms", 14_800 * US, ""),
    ("HTTP 200 OK in 45 ms", 45 * MS, ""),
    ("migration complete in 3 seconds", 3 * S, ""),
    ("Finished in 4 min 9 s", 4 * MIN + 9 * S, ""),
    ("Finished in 1 minute 41.7 seconds", MIN + 41_700 * MS, "rspec.info/documentation"),
    ("Finished: 12 ms", 12 * MS, ""),
    ("The job has been completed in 12 hrs", 12 * H, ""),
    // Names.
    (
        "duration: 41.207 ms  execute S_3: SELECT 1",
        41_207 * US,
        "postgresql.org/docs/current/runtime-config-logging.html",
    ),
    ("msg=\"request done\" latency=36.7ms", 36_700 * US, ""),
    ("responseTime=19ms", 19 * MS, ""),
    ("response_time=0.044s", 44 * MS, ""),
    ("responsetime=19ms", 19 * MS, ""),
    ("Response time: 220 ms", 220 * MS, ""),
    ("time taken: 12ms", 12 * MS, ""),
    ("time=1430ms | status=SUCCESS", 1_430 * MS, ""),
    (
        "Executed task | project=shop | type=REPORT | status=SUCCESS | time=1430ms",
        1_430 * MS,
        "docs.sonarsource.com/sonarqube",
    ),
    ("elapsed (15 Milliseconds)", 15 * MS, ""),
    ("elapsed time 1.5 sec", 1_500 * MS, ""),
    ("rt=17ms", 17 * MS, ""),
    ("cost: 35 ms", 35 * MS, ""),
    ("rpc call duration=35ms", 35 * MS, ""),
    ("latency of 12ns", 12, ""),
    ("db latency: 3ms, total latency: 14ms", 14 * MS, ""),
    ("db time 3ms", 3 * MS, ""),
    ("db time 3ms, request time 14ms", 14 * MS, ""),
    ("parse time: 2ms, took 9ms", 9 * MS, ""),
    ("request_time_ms=14 db_time_ms=3", 14 * MS, ""),
    ("elapsed: 0.211s total: 0.254s", 254 * MS, ""),
    ("duration=61.3ms total=70ms", 70 * MS, ""),
    // Granted in less than a second, or measured.
    ("Lease renewed, duration 12ms", 12 * MS, ""),
    ("Lease renewed in 53ms", 53 * MS, ""),
    ("Lease renewed, duration 1500ms", 1_500 * MS, ""),
    ("ticket created, duration=1.25s", 1_250 * MS, ""),
    ("Order has been created, duration: 2s", 2 * S, ""),
    ("all rows refreshed duration=3s", 3 * S, ""),
    ("Switch to ticket refreshed in 12ms", 12 * MS, ""),
    ("Lease renewed, elapsed 2s", 2 * S, ""),
    ("Lease renewed, elapsed 45s", 45 * S, ""),
    ("Certificate created, duration=12.3s", 12_300 * MS, ""),
    ("Token issued duration=12ms", 12 * MS, ""),
    // A key of another value says nothing of what follows.
    ("Token issued ttl=60s duration=12ms", 12 * MS, ""),
    ("connected timeout=30s elapsed=12ms", 12 * MS, ""),
    ("fetched retries=2 max=3 time=40ms", 40 * MS, ""),
    ("Lock acquired, took 3s", 3 * S, ""),
    ("Session created, request time 2s", 2 * S, ""),
    ("Certificate list fetched, duration 5s", 5 * S, ""),
    ("job done, duration: 61s", 61 * S, ""),
    ("video uploaded, duration=1250ms", 1_250 * MS, ""),
    ("video uploaded in 125s", 125 * S, ""),
    ("video uploaded, elapsed=125s", 125 * S, ""),
    ("report uploaded, duration=125s", 125 * S, ""),
    // Totals.
    (
        "Startup finished in 3.214s (kernel) + 9.871s (userspace) = 13.085s.",
        13_085 * MS,
        "freedesktop.org/software/systemd/man/latest/systemd-analyze.html",
    ),
    (
        "Startup finished in 2.1s (firmware) + 1.4s (loader) + 3.2s (kernel) + 1min 2.345s (userspace) = 1min 9.045s.",
        MIN + 9_045 * MS,
        "freedesktop.org/software/systemd/man/latest/systemd-analyze.html",
    ),
    (
        "Safepoint \"G1CollectForAllocation\", Time since last: 5012345 ns, Reaching safepoint: 101233 ns, At safepoint: 4012345 ns, Total: 4113578 ns",
        4_113_578,
        "docs.oracle.com/en/java/javase/17/docs/specs/man/java.html",
    ),
    // Garbage collectors.
    (
        "GC(41) Pause Young (Normal) (G1 Evacuation Pause) 812M->96M(1024M) 8.417ms",
        8_417 * US,
        "docs.oracle.com/en/java/javase/17/gctuning",
    ),
    (
        "GC(42) Pause Full (System.gc()) 96M->61M(512M) 71.032ms",
        71_032 * US,
        "docs.oracle.com/en/java/javase/17/gctuning",
    ),
    (
        "4.117: [GC (Allocation Failure) [PSYoungGen: 40960K->5100K(47616K)] 40960K->5108K(156672K), 0.0071230 secs] [Times: user=0.02 sys=0.00, real=0.01 secs]",
        7_123 * US,
        "docs.oracle.com/javase/8/docs/technotes/guides/vm/gctuning",
    ),
    (
        "9.003: [Full GC (Metadata GC Threshold) [PSYoungGen: 5100K->0K(47616K)] [ParOldGen: 8K->4876K(109056K)] 5108K->4876K(156672K), [Metaspace: 20900K->20900K(1069056K)], 0.0401770 secs] [Times: user=0.12 sys=0.00, real=0.04 secs]",
        40_177 * US,
        "docs.oracle.com/javase/8/docs/technotes/guides/vm/gctuning",
    ),
    (
        "1.9: [GC (Allocation Failure) 1.9: [ParNew: 69952K->8703K(78656K), 0.0151 secs] 69952K->9311K(253440K), 0.0152 secs] [Times: user=0.05 sys=0.01, real=0.02 secs]",
        15_200 * US,
        "docs.oracle.com/javase/8/docs/technotes/guides/vm/gctuning/cms.html",
    ),
    (
        "6.2: [GC pause (G1 Evacuation Pause) (young), 0.0041270 secs]",
        4_127 * US,
        "docs.oracle.com/javase/8/docs/technotes/guides/vm/gctuning/g1_gc.html",
    ),
    (
        "Total time for which application threads were stopped: 0.0173 seconds, Stopping threads took: 0.0031 seconds",
        17_300 * US,
        "docs.oracle.com/javase/8/docs/technotes/tools/unix/java.html",
    ),
    // DNS and mail.
    (
        "10.9.8.7:40111 - 20444 \"AAAA IN shop.example.org. udp 52 false 1232\" NOERROR qr,aa,rd 145 0.000317s",
        317 * US,
        "coredns.io/plugins/log",
    ),
    (
        "[2001:db8::7]:40111 - 3 \"A IN nope.example.org. udp 52 false 1232\" NXDOMAIN qr,rd,ra 145 1.2s",
        1_200 * MS,
        "coredns.io/plugins/log",
    ),
    (
        "5F0A2: to=<eve@example.net>, relay=mx.example.net[192.0.2.25]:25, delay=2.4, delays=0.1/0.01/1.2/1.1, dsn=2.0.0, status=sent (250 OK)",
        2_400 * MS,
        "postfix.org/postconf.5.html#delay_logging_resolution_limit",
    ),
    (
        "[c:shop s:shard1 r:core1 x:shop] webapp=/solr path=/select params={q=*:*} hits=4 status=0 QTime=31",
        31 * MS,
        "solr.apache.org/guide/solr/latest/deployment-guide/configuring-logging.html",
    ),
    ("Serialized task 1.0:0 as 1947 bytes in 6 ms", 6 * MS, "spark.apache.org"),
    ("[quad9] OK (DNSCrypt) - rtt: 299ms", 299 * MS, "github.com/DNSCrypt/dnscrypt-proxy"),
    ("eval step:0 top1: 0.8906 elapse: 0.690s", 690 * MS, "paddlepaddle.org.cn"),
    // Spellings.
    ("took 1m2.5s", 62_500 * MS, "pkg.go.dev/time#Duration.String"),
    ("took 1h0m3s", H + 3 * S, "pkg.go.dev/time#Duration.String"),
    ("took 1h2m3.5s", H + 2 * MIN + 3_500 * MS, "pkg.go.dev/time#Duration.String"),
    ("took 70.4µs", 70_400, "pkg.go.dev/time#Duration.String"),
    ("took 70.4μs", 70_400, "U+03BC"),
    ("took 70.4us", 70_400, ""),
    ("took 640ns", 640, "pkg.go.dev/time#Duration.String"),
    ("took 5m", 5 * MIN, ""),
    ("took 2h", 2 * H, ""),
    ("took 1h:01m:52s", H + MIN + 52 * S, ""),
    ("took 0:01:07", 67 * S, "docs.python.org/3/library/datetime.html#datetime.timedelta"),
    ("took 0:00:00.250000", 250 * MS, "docs.python.org/3/library/datetime.html#datetime.timedelta"),
    (
        "took 1 day, 2:03:04",
        26 * H + 3 * MIN + 4 * S,
        "docs.python.org/3/library/datetime.html#datetime.timedelta",
    ),
    (
        "completed in 00:00:01.2345678",
        1_234_567_800,
        "learn.microsoft.com/dotnet/api/system.timespan.tostring",
    ),
    ("job 3 finished: duration 00:02:03", 2 * MIN + 3 * S, ""),
    ("Total time: 00:01:05", 65 * S, ""),
    (
        "took PT1M2.5S",
        62_500 * MS,
        "docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/Duration.html",
    ),
    (
        "duration=PT0.127S",
        127 * MS,
        "docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/Duration.html",
    ),
    ("elapsed PT2H", 2 * H, ""),
    ("took P1DT2H", 26 * H, ""),
    ("took 2 min 3 s", 2 * MIN + 3 * S, ""),
    ("took 1 minute 5 seconds", 65 * S, ""),
    ("took 1 minute, 5 seconds", 65 * S, ""),
    ("took 1 hour and 5 minutes", 65 * MIN, ""),
    ("took 1 hr", H, ""),
    ("took 3 hrs 20 mins", 200 * MIN, ""),
    ("took 250 msecs", 250 * MS, ""),
    ("took 3 seconds", 3 * S, ""),
    ("took 12,5 ms", 12_500 * US, ""),
    ("took 0,250 s", 250 * MS, ""),
    ("took 1,234 ms", 1_234 * MS, ""),
    ("took 1,234,567.5 us", 1_234_567_500, ""),
    ("took 1.2e3 ms", 1_200 * MS, ""),
    ("took 7.1E-5s", 71 * US, ""),
    ("finished in 0.000102s", 102 * US, ""),
    ("took .5ms", 500 * US, ""),
    ("took 2 days 3 hours", 51 * H, ""),
    ("took 12 Min", 12 * MIN, ""),
    ("completed in 12345678ms", 12_345_678 * MS, ""),
    ("took 29 days 23 hours", 719 * H, ""),
];

/// Texts without a response time, and sources.
const NONE: &[(&str, &str)] = &[
    // Settings.
    (
        "slow query according to -search.logSlowQueryDuration=5s: remoteAddr=\"10.0.0.4:1\"",
        "docs.victoriametrics.com",
    ),
    ("started with --duration=30s", ""),
    (
        "user=a group=b Resource_List.walltime=00:16:40 session=6365",
        "docs.adaptivecomputing.com/torque/3-0-5/9.1accounting.php",
    ),
    // Waiting.
    ("bound to 192.0.2.61 -- renewal in 40713 seconds.", "github.com/isc-projects/dhcp dhclient.c"),
    ("broker unreachable. Trying again in 17 seconds.", ""),
    ("connection lost, will try again in 30s", ""),
    ("Payment refused, retrying in 3s", ""),
    ("retry in 5 s", ""),
    ("Task shop.tasks.pay[6d1c] retry: Retry in 120s: TimeoutError()", "docs.celeryq.dev"),
    ("Request failed, retrying in 250ms", ""),
    ("Request failed - retry in 250 ms", ""),
    ("Request failed retry in 250 ms", ""),
    ("Reconnecting in 5 seconds", ""),
    ("Restarting in 3s", ""),
    ("server is shutting down in 60 seconds", ""),
    ("lease will be renewed in 1800 s", ""),
    ("idle connection closing in 45s", ""),
    ("scheduling reauthentication in 3277s", "docs.strongswan.org"),
    ("rekeying in 27 minutes", ""),
    ("match starts in 10 s", ""),
    ("token expires in 3600s", ""),
    ("certificate expiring in 12 hours", ""),
    ("next run in 5m", ""),
    ("job finished, next run in 5 minutes", ""),
    ("Processed batch, sleeping for 3s", ""),
    ("done, waiting 5s", ""),
    ("job completed and will run again in 5 minutes", ""),
    ("exit in 3 s", ""),
    ("sleeping for time 5s", ""),
    ("waiting for lock took 30s", ""),
    (
        "still waiting for ShareLock on transaction 733 after 1000.071 ms",
        "postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-LOCK-WAITS",
    ),
    (
        "Back-off 5m0s restarting failed container",
        "kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle",
    ),
    ("must be completed in 30s", ""),
    ("request to be processed in 3s", ""),
    ("not completed in 30s", ""),
    ("was not finished in 30 s", ""),
    ("worker failed to start in 30s", ""),
    ("unable to complete in 10 s", ""),
    ("has not yet responded in 10s", ""),
    ("expects to have finished in 5s", ""),
    ("until finished in 20 s", ""),
    ("will have been processed in 3s", ""),
    // Limits.
    ("connect timeout of 30s", ""),
    ("gave up after 30s", ""),
    ("giving up after 30000ms", ""),
    ("timed out after 30000 ms", ""),
    ("context deadline of 5s exceeded", ""),
    (
        "Expiring session 0x1000, timeout of 40000ms exceeded",
        "github.com/apache/zookeeper ZooKeeperServer",
    ),
    ("done after 30s timeout", ""),
    ("completed in 30s window", ""),
    ("max latency 500ms", ""),
    ("expected duration: 100ms", ""),
    ("latency threshold 250ms", ""),
    ("average response time: 31ms", ""),
    ("slower than 200ms", ""),
    ("latency budget: 250ms", ""),
    ("took longer than 5s", ""),
    ("lock timeout: 5s", ""),
    ("time limit: 30s", ""),
    // Rates.
    ("rate limit: 250 requests in 60s", ""),
    ("250 requests processed in 60s", ""),
    ("served 4200 requests in 60s", ""),
    ("Disconnected (auth failed, 2 attempts in 11 secs): user=<eve>", "doc.dovecot.org"),
    ("4 failures in 90 seconds, blocking 192.0.2.61", ""),
    ("blocked after 3 failed login attempts in 20 secs", ""),
    ("failed 3 times in 60 s", ""),
    ("restarted 5 times in 10 minutes", ""),
    ("accepted 900 connections in 60 s", ""),
    ("5 errors detected in 30s", ""),
    ("250 requests per 60s", ""),
    ("every 30s", ""),
    ("1200 rps over 10s", ""),
    ("failed 300 Requests in 60s", ""),
    // Ages, intervals, uptimes.
    ("uptime 86400s", ""),
    ("uptime: 3 days, 4:05:06", ""),
    ("last seen 30s ago", ""),
    ("completed in 5s ago", ""),
    ("idle time 300 s", ""),
    ("cache ttl 300s", ""),
    ("interval 15s", ""),
    ("flush interval: 500 ms", ""),
    ("time since last: 300 ms", ""),
    ("age 61s", ""),
    (
        "Application time: 1.0040 seconds",
        "docs.oracle.com/javase/8/docs/technotes/tools/unix/java.html",
    ),
    (
        "session-4.scope: Consumed 2.113s CPU time.",
        "freedesktop.org/software/systemd/man/latest/systemd.resource-control.html",
    ),
    ("cpu time: 2.5s", ""),
    ("JVM running for 8.02 s", ""),
    ("ban time 600 s", "fail2ban"),
    ("lease time 86400 seconds", ""),
    ("start time 5s", ""),
    ("video duration: 3600 s", ""),
    ("time: 10:15:32", ""),
    ("Current time: 10:15:32", ""),
    ("done: 10:15:32", ""),
    ("finished at 10:15:32", ""),
    // Health checks.
    (
        "Server app/web2 is UP, reason: Layer7 check passed, code: 200, check duration: 2ms. 2 active",
        "docs.haproxy.org/2.8/management.html",
    ),
    (
        "Health check for server app/web2 failed, reason: Layer4 timeout, check duration: 2001ms",
        "docs.haproxy.org/2.8/management.html",
    ),
    // Lifetimes.
    (
        "Teardown TCP connection 8812 for outside:192.0.2.9/443 to inside:10.1.0.4/51022 duration 0:02:31 bytes 8121 TCP FINs",
        "cisco.com/c/en/us/td/docs/security/asa/syslog 302014",
    ),
    (
        "Group = G1, Username = eve, IP = 192.0.2.9, Session disconnected. Session Type: SSL, Duration: 2h:11m:09s, Bytes xmt: 812",
        "cisco.com/c/en/us/td/docs/security/asa/syslog 113019",
    ),
    (
        "disconnection: session time: 0:03:04.250 user=shop database=shop host=192.0.2.9",
        "postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-DISCONNECTIONS",
    ),
    ("session duration 35m", ""),
    ("connection duration=61s", ""),
    ("connection closed, duration=35s", ""),
    ("tunnel to 192.0.2.9 closed, elapsed 3h2m", ""),
    ("VPN user eve logged off, duration 1:02:03", ""),
    ("call ended, duration: 65 s", ""),
    ("call duration: 65 s", ""),
    ("SSH session for eve ended, time 120 s", ""),
    // What is given for a time.
    ("Lease renewed, duration 60s", ""),
    ("video uploaded, duration=125s", ""),
    ("Recording saved: duration 45.3s", ""),
    ("song added, duration 0:03:25", ""),
    ("lease renewed by worker-17 for the shard of orders in eu-west-1, duration=60s", ""),
    ("Lease granted, duration: 2 hours", ""),
    ("Token issued for eve, duration 3600s", ""),
    ("Lock acquired, duration=30s", ""),
    ("Session created, time 3600s", ""),
    ("192.0.2.9 banned, duration 600s", ""),
    ("lease duration=60s granted", ""),
    ("Lease renewed duration=59.98s", ""),
    ("Lease renewed duration=23h59m59.9s", ""),
    ("Lease renewed duration=00:01:00.5", ""),
    ("Session started, duration 30 s", ""),
    ("Suspension applied, duration 60s", ""),
    ("OTP sent, duration 300 s", ""),
    ("Cooldown started, duration 60s", ""),
    ("Backoff applied, duration 30s", ""),
    ("Mute set for eve, duration 10m", ""),
    ("IP block added, duration 1h", ""),
    ("Account blocked, duration: 15 minutes", ""),
    ("retry timeout duration=12ms", ""),
    ("Lease granted for 60s", ""),
    ("session lasts 2h", ""),
    ("sleeping for 500ms", ""),
    ("Will retry after 250ms", ""),
    ("deadline exceeded after 5s", ""),
    ("request timed out after 5s", ""),
    ("retention 7d", ""),
    ("keepalive=75s", ""),
    ("grace period 30s", ""),
    ("polling_interval=10s", ""),
    ("maintenance window duration 2h", ""),
    ("cache max-age=3600s", ""),
    ("maximum IKE_SA lifetime 3412s", "docs.strongswan.org"),
    ("Connect time 5.2 minutes.", "ppp.samba.org"),
    ("Completed 101 Switching Protocols in 65000ms", ""),
    ("HTTP GET /live responded 101 in 90812.2 ms", "github.com/serilog/serilog-aspnetcore"),
    ("GET 101 completed in 90812.2 ms", ""),
    // Other timers and numbers.
    ("queue time 45ms", ""),
    ("in 127ms", ""),
    ("127ms", ""),
    ("in 5 sites", ""),
    ("processed in 127", ""),
    ("processed in 127 messages", ""),
    ("processed in x127ms", ""),
    ("processed in 1.2.3s", ""),
    ("processed in ..5s", ""),
    ("processed in 1234,567ms", ""),
    ("processed in 127MS", ""),
    ("processed in 5s_total", ""),
    ("processed in5s", ""),
    ("gzip_ratio=3.26", ""),
    ("found 12 servers", ""),
    ("took 99999999999999999999s", ""),
    ("took 45 days 1 hour", ""),
    ("took 1706091332 s", ""),
    ("took 1706091332 ms", ""),
    ("took 1706091332123 us", ""),
    ("GET /done in 5ms", ""),
    ("", ""),
];

fn nanos(text: &str) -> Option<u64> {
    let padded = PaddedLine::new(text.as_bytes());
    let found = find(Plain, padded.line(), 0, &mut Cache::default());
    (found != NO_DURATION).then_some(found)
}

#[test]
fn texts_have_their_response_times() {
    let wrong: Vec<_> = TIMES
        .iter()
        .map(|&(text, expected, _)| (text, Some(expected), nanos(text)))
        .chain(NONE.iter().map(|&(text, _)| (text, None, nanos(text))))
        .filter(|(_, expected, found)| expected != found)
        .collect();
    assert!(wrong.is_empty(), "text, expected, found: {wrong:#?}");
    assert!(TIMES.len() + NONE.len() >= 150);
}

proptest! {
    /// A duration in any spelling, behind any word of completion.
    #[test]
    fn spellings_round_trip(
        hours in 0u64..600,
        minutes in 0u64..60,
        seconds in 0u64..60,
        millis in 0u64..1000,
        front in prop::sample::select(&["took ", "request processed in ", "latency=", "total: "][..]),
    ) {
        let expected = ((hours * 60 + minutes) * 60 + seconds) * S + millis * MS;
        for spelled in [
            format!("{hours}h{minutes}m{seconds}.{millis:03}s"),
            format!("{hours}h{minutes}m{seconds}s{millis}ms"),
            format!("{hours}h:{minutes:02}m:{seconds:02}.{millis:03}s"),
            format!("{hours} hours {minutes} mins {seconds}.{millis:03} Seconds"),
            format!("{hours} hr, {minutes} min and {seconds},{millis:03}0 secs"),
            format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
            format!("PT{hours}H{minutes}M{seconds}.{millis:03}S"),
            format!("{}.{millis:03} s", expected / S),
            format!("{}.{millis:03}e3 ms", expected / S),
        ] {
            let text = format!("{front}{spelled}");
            prop_assert_eq!(nanos(&text), Some(expected), "{}", text);
        }
    }

    /// Waiting, rates and ages, whatever the number and its unit.
    #[test]
    fn no_sentence_of_waiting_has_one(
        front in prop::sample::select(&[
            "retrying in ", "request failed, will retry in ", "renewal in ", "trying again in ",
            "job finished, next run in ", "closing in ", "starts in ", "expires in ", "timeout of ",
            "gave up after ", "5 attempts in ", "100 requests processed in ", "uptime ", "interval ",
            "must be completed in ", "not finished in ", "check duration: ", "session duration: ",
            "max latency ", "queue time ", "every ", "last seen ", "age ", "ttl=", "connection closed, duration ",
        ][..]),
        number in 1u64..100_000,
        unit in prop::sample::select(&["ms", "s", " seconds", " ms", "m", "h", " minutes", "us"][..]),
    ) {
        let text = format!("{front}{number}{unit}");
        prop_assert_eq!(nanos(&text), None, "{}", text);
    }
}
