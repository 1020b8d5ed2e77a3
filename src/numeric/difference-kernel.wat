;; What a removal changes, four numbers at a time: see difference-kernel.ts. After a change of this file:
;;   npm run kernel
;; Addresses are byte offsets. Rows of channels hold whole multiples of 16 numbers and are taken 24 or 16 at a time: with
;; more, the sums and what is taken off them no longer fit the registers.
(module
  ;; Bytes: of a row; of that part of it that is taken 24 numbers at a time; of a unit's weights, its change, a pair's output.
  (import "layout" "row" (global $row i32))
  (import "layout" "wide" (global $wide i32))
  (import "layout" "weightStep" (global $weightStep i32))
  (import "layout" "changeStep" (global $changeStep i32))
  (import "layout" "outStep" (global $outStep i32))
  (import "layout" "channels" (global $channels i32))
  (import "layout" "places" (global $places i32))
  (import "layout" "positions" (global $positions i32))
  (import "layout" "windows" (global $windows i32))
  ;; Windows that one bit of a mask stands for, and the smallest number that comes out.
  (import "layout" "group" (global $group i32))
  (import "layout" "least" (global $least f32))
  (import "layout" "weights" (global $weights i32))
  (import "layout" "changes" (global $changes i32))
  (import "layout" "units" (global $units i32))
  ;; Per position where its pairs begin, then where the last one's end. A pair: a place's record, the offset of a tap's row.
  (import "layout" "moved" (global $moved i32))
  ;; Per window where its places begin, then where the last one's end. A place: the address of its pointer.
  (import "layout" "pooling" (global $pooling i32))
  ;; Records of the places that the pair at hand changes.
  (import "layout" "touched" (global $touched i32))
  ;; The intact network's sums channel by channel as pointers, and as rows; the changed rows, in the order of `touched`.
  (import "layout" "given" (global $given i32))
  (import "layout" "base" (global $base i32))
  (import "layout" "sums" (global $sums i32))
  ;; What comes out, window by window: of the intact network, of the pair at hand, and a pointer to the one that holds.
  (import "layout" "basePooled" (global $basePooled i32))
  (import "layout" "pooled" (global $pooled i32))
  (import "layout" "pooledRows" (global $pooledRows i32))
  (import "layout" "out" (global $out i32))

  (memory (export "memory") 1)
  ;; A place's record: where the next entry goes; its pointer's address; its row in the base; nothing; the windows that it
  ;; is in, one bit a group, in 8 bytes; entries, each a number of the change and the offset of a tap's row.

  ;; The sums have changed: lays them out as rows, and pools them.
  (func (export "begin")
    (local $w i32) (local $to i32)
    (call $transpose (global.get $given) (global.get $channels) (global.get $base) (global.get $row) (global.get $places))
    (local.set $to (global.get $basePooled))
    (loop $each
      (call $pool (local.get $w) (local.get $to))
      (local.set $to (i32.add (local.get $to) (global.get $row)))
      (br_if $each (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 1))) (global.get $windows)))))

  ;; Writes the outputs of the first `count` units of `units`, pair `at` and those behind it.
  (func (export "write") (param $count i32) (param $at i32)
    (local $out i32) (local $next i32) (local $unit i32) (local $last i32) (local $mask i64)
    (local $w i32) (local $end i32) (local $to i32) (local $place i32)
    (local.set $out (i32.add (global.get $out) (i32.mul (local.get $at) (global.get $outStep))))
    (local.set $next (global.get $units))
    (loop $pairs
      (local.set $unit (i32.load (local.get $next)))
      (local.set $last (call $list (i32.add (global.get $changes) (i32.mul (local.get $unit) (global.get $changeStep)))))
      (local.set $mask
        (call $take (local.get $last) (i32.add (global.get $weights) (i32.mul (local.get $unit) (global.get $weightStep)))))
      (block $pooled
        (loop $groups
          (br_if $pooled (i64.eqz (local.get $mask)))
          (local.set $w (i32.mul (i32.wrap_i64 (i64.ctz (local.get $mask))) (global.get $group)))
          (local.set $end (i32.add (local.get $w) (global.get $group)))
          (if (i32.gt_u (local.get $end) (global.get $windows)) (then (local.set $end (global.get $windows))))
          (loop $each
            (local.set $to (i32.add (global.get $pooled) (i32.mul (local.get $w) (global.get $row))))
            (call $pool (local.get $w) (local.get $to))
            (i32.store (i32.add (global.get $pooledRows) (i32.shl (local.get $w) (i32.const 2))) (local.get $to))
            (br_if $each (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 1))) (local.get $end))))
          (local.set $mask (i64.and (local.get $mask) (i64.sub (local.get $mask) (i64.const 1))))
          (br $groups)))
      ;; The last channels of a row are written past its end, into what is written next.
      (call $transpose (global.get $pooledRows) (global.get $windows)
        (local.get $out) (i32.shl (global.get $windows) (i32.const 2)) (i32.shr_u (global.get $row) (i32.const 2)))
      ;; Every pointer back to the base.
      (block $restored
        (loop $each
          (br_if $restored (i32.le_u (local.get $last) (global.get $touched)))
          (local.set $place (i32.load (local.tee $last (i32.sub (local.get $last) (i32.const 4)))))
          (i32.store (i32.load offset=4 (local.get $place)) (i32.load offset=8 (local.get $place)))
          (br $each)))
      (local.set $w (i32.const 0))
      (loop $each
        (i32.store (i32.add (global.get $pooledRows) (i32.shl (local.get $w) (i32.const 2)))
          (i32.add (global.get $basePooled) (i32.mul (local.get $w) (global.get $row))))
        (br_if $each (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 1))) (global.get $windows))))
      (local.set $out (i32.add (local.get $out) (global.get $outStep)))
      (local.set $next (i32.add (local.get $next) (i32.const 4)))
      (br_if $pairs (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))

  ;; Lists the numbers of a change that are not zero at the places that they move, in the order of their positions.
  ;; Returns where the list of touched places ends.
  (func $list (param $change i32) (result i32)
    (local $p i32) (local $q i32) (local $mask i64) (local $at i32) (local $number f32)
    (local $pair i32) (local $end i32) (local $place i32) (local $entry i32) (local $touched i32) (local $zero v128)
    (local.set $touched (global.get $touched))
    (loop $chunks
      ;; A bit for each of the next 64 positions.
      (local.set $mask (i64.const 0))
      (local.set $q (i32.const 0))
      (loop $sixteen
        (local.set $at (i32.add (local.get $change) (i32.shl (i32.add (local.get $p) (local.get $q)) (i32.const 2))))
        (local.set $mask (i64.or (local.get $mask) (i64.shl
          (i64.extend_i32_u (i8x16.bitmask (i8x16.narrow_i16x8_s
            (i16x8.narrow_i32x4_s
              (f32x4.ne (v128.load (local.get $at)) (local.get $zero))
              (f32x4.ne (v128.load offset=16 (local.get $at)) (local.get $zero)))
            (i16x8.narrow_i32x4_s
              (f32x4.ne (v128.load offset=32 (local.get $at)) (local.get $zero))
              (f32x4.ne (v128.load offset=48 (local.get $at)) (local.get $zero))))))
          (i64.extend_i32_u (local.get $q)))))
        (local.set $q (i32.add (local.get $q) (i32.const 16)))
        (br_if $sixteen (i32.and
          (i32.lt_u (local.get $q) (i32.const 64))
          (i32.lt_u (i32.add (local.get $p) (local.get $q)) (global.get $positions)))))
      (if (i32.lt_u (local.tee $q (i32.sub (global.get $positions) (local.get $p))) (i32.const 64))
        (then (local.set $mask (i64.and (local.get $mask)
          (i64.sub (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $q))) (i64.const 1))))))
      (block $listed
        (loop $each
          (br_if $listed (i64.eqz (local.get $mask)))
          (local.set $at (i32.shl (i32.add (local.get $p) (i32.wrap_i64 (i64.ctz (local.get $mask)))) (i32.const 2)))
          (local.set $mask (i64.and (local.get $mask) (i64.sub (local.get $mask) (i64.const 1))))
          (local.set $number (f32.load (i32.add (local.get $change) (local.get $at))))
          (local.set $at (i32.add (global.get $moved) (local.get $at)))
          (local.set $pair (i32.load (local.get $at)))
          (local.set $end (i32.load offset=4 (local.get $at)))
          (br_if $each (i32.ge_u (local.get $pair) (local.get $end)))
          (loop $pairs
            (local.set $place (i32.load (local.get $pair)))
            (local.set $entry (i32.load (local.get $place)))
            (f32.store (local.get $entry) (local.get $number))
            (i32.store offset=4 (local.get $entry) (i32.load offset=4 (local.get $pair)))
            (i32.store (local.get $place) (i32.add (local.get $entry) (i32.const 8)))
            ;; The place's first entry adds it to the list.
            (i32.store (local.get $touched) (local.get $place))
            (local.set $touched (i32.add (local.get $touched)
              (i32.shl (i32.eq (local.get $entry) (i32.add (local.get $place) (i32.const 24))) (i32.const 2))))
            (br_if $pairs (i32.lt_u (local.tee $pair (i32.add (local.get $pair) (i32.const 8))) (local.get $end))))
          (br $each)))
      (br_if $chunks (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 64))) (global.get $positions))))
    (local.get $touched))

  ;; Takes the listed entries off the sums of every touched place: row - number * weights, an entry after the other.
  ;; The place's pointer then leads to the result. Returns the windows that a touched place is in, one bit a group.
  (func $take (param $last i32) (param $weights i32) (result i64)
    (local $next i32) (local $place i32) (local $end i32) (local $from i32) (local $to i32) (local $row i32) (local $wide i32)
    (local $c i32) (local $entry i32) (local $at i32) (local $number v128) (local $mask i64)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128) (local $s4 v128) (local $s5 v128)
    (local.set $row (global.get $row))
    (local.set $wide (global.get $wide))
    (local.set $to (global.get $sums))
    (local.set $next (global.get $touched))
    (block $taken
      (loop $each
        (br_if $taken (i32.ge_u (local.get $next) (local.get $last)))
        (local.set $place (i32.load (local.get $next)))
        (local.set $end (i32.load (local.get $place)))
        (i32.store (local.get $place) (i32.add (local.get $place) (i32.const 24)))
        (i32.store (i32.load offset=4 (local.get $place)) (local.get $to))
        (local.set $from (i32.load offset=8 (local.get $place)))
        (local.set $mask (i64.or (local.get $mask) (i64.load offset=16 (local.get $place))))
        (local.set $c (i32.const 0))
        (if (local.get $wide)
          (then
            (loop $blocks
              (local.set $at (i32.add (local.get $from) (local.get $c)))
              (local.set $s0 (v128.load (local.get $at)))
              (local.set $s1 (v128.load offset=16 (local.get $at)))
              (local.set $s2 (v128.load offset=32 (local.get $at)))
              (local.set $s3 (v128.load offset=48 (local.get $at)))
              (local.set $s4 (v128.load offset=64 (local.get $at)))
              (local.set $s5 (v128.load offset=80 (local.get $at)))
              (local.set $entry (i32.add (local.get $place) (i32.const 24)))
              (loop $entries
                (local.set $number (v128.load32_splat (local.get $entry)))
                (local.set $at (i32.add (i32.add (local.get $weights) (local.get $c)) (i32.load offset=4 (local.get $entry))))
                (local.set $s0 (f32x4.sub (local.get $s0) (f32x4.mul (local.get $number) (v128.load (local.get $at)))))
                (local.set $s1 (f32x4.sub (local.get $s1) (f32x4.mul (local.get $number) (v128.load offset=16 (local.get $at)))))
                (local.set $s2 (f32x4.sub (local.get $s2) (f32x4.mul (local.get $number) (v128.load offset=32 (local.get $at)))))
                (local.set $s3 (f32x4.sub (local.get $s3) (f32x4.mul (local.get $number) (v128.load offset=48 (local.get $at)))))
                (local.set $s4 (f32x4.sub (local.get $s4) (f32x4.mul (local.get $number) (v128.load offset=64 (local.get $at)))))
                (local.set $s5 (f32x4.sub (local.get $s5) (f32x4.mul (local.get $number) (v128.load offset=80 (local.get $at)))))
                (br_if $entries (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 8))) (local.get $end))))
              (local.set $at (i32.add (local.get $to) (local.get $c)))
              (v128.store (local.get $at) (local.get $s0))
              (v128.store offset=16 (local.get $at) (local.get $s1))
              (v128.store offset=32 (local.get $at) (local.get $s2))
              (v128.store offset=48 (local.get $at) (local.get $s3))
              (v128.store offset=64 (local.get $at) (local.get $s4))
              (v128.store offset=80 (local.get $at) (local.get $s5))
              (br_if $blocks (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 96))) (local.get $wide))))))
        (if (i32.lt_u (local.get $c) (local.get $row))
          (then
            (loop $blocks
              (local.set $at (i32.add (local.get $from) (local.get $c)))
              (local.set $s0 (v128.load (local.get $at)))
              (local.set $s1 (v128.load offset=16 (local.get $at)))
              (local.set $s2 (v128.load offset=32 (local.get $at)))
              (local.set $s3 (v128.load offset=48 (local.get $at)))
              (local.set $entry (i32.add (local.get $place) (i32.const 24)))
              (loop $entries
                (local.set $number (v128.load32_splat (local.get $entry)))
                (local.set $at (i32.add (i32.add (local.get $weights) (local.get $c)) (i32.load offset=4 (local.get $entry))))
                (local.set $s0 (f32x4.sub (local.get $s0) (f32x4.mul (local.get $number) (v128.load (local.get $at)))))
                (local.set $s1 (f32x4.sub (local.get $s1) (f32x4.mul (local.get $number) (v128.load offset=16 (local.get $at)))))
                (local.set $s2 (f32x4.sub (local.get $s2) (f32x4.mul (local.get $number) (v128.load offset=32 (local.get $at)))))
                (local.set $s3 (f32x4.sub (local.get $s3) (f32x4.mul (local.get $number) (v128.load offset=48 (local.get $at)))))
                (br_if $entries (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 8))) (local.get $end))))
              (local.set $at (i32.add (local.get $to) (local.get $c)))
              (v128.store (local.get $at) (local.get $s0))
              (v128.store offset=16 (local.get $at) (local.get $s1))
              (v128.store offset=32 (local.get $at) (local.get $s2))
              (v128.store offset=48 (local.get $at) (local.get $s3))
              (br_if $blocks (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 64))) (local.get $row))))))
        (local.set $to (i32.add (local.get $to) (local.get $row)))
        (local.set $next (i32.add (local.get $next) (i32.const 4)))
        (br $each)))
    (local.get $mask))

  ;; The largest of `least` and every channel's numbers at the places of window `w`, one place after the other.
  (func $pool (param $w i32) (param $to i32)
    (local $first i32) (local $end i32) (local $row i32) (local $wide i32) (local $c i32) (local $entry i32) (local $at i32)
    (local $floor v128) (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128) (local $s4 v128) (local $s5 v128)
    (local.set $row (global.get $row))
    (local.set $wide (global.get $wide))
    (local.set $floor (f32x4.splat (global.get $least)))
    (local.set $at (i32.add (global.get $pooling) (i32.shl (local.get $w) (i32.const 2))))
    (local.set $first (i32.load (local.get $at)))
    (local.set $end (i32.load offset=4 (local.get $at)))
    ;; pmax: the new number unless it is less than the largest so far.
    (if (local.get $wide)
      (then
        (loop $blocks
          (local.set $s0 (local.get $floor))
          (local.set $s1 (local.get $floor))
          (local.set $s2 (local.get $floor))
          (local.set $s3 (local.get $floor))
          (local.set $s4 (local.get $floor))
          (local.set $s5 (local.get $floor))
          (local.set $entry (local.get $first))
          (loop $places
            (local.set $at (i32.add (i32.load (i32.load (local.get $entry))) (local.get $c)))
            (local.set $s0 (f32x4.pmax (v128.load (local.get $at)) (local.get $s0)))
            (local.set $s1 (f32x4.pmax (v128.load offset=16 (local.get $at)) (local.get $s1)))
            (local.set $s2 (f32x4.pmax (v128.load offset=32 (local.get $at)) (local.get $s2)))
            (local.set $s3 (f32x4.pmax (v128.load offset=48 (local.get $at)) (local.get $s3)))
            (local.set $s4 (f32x4.pmax (v128.load offset=64 (local.get $at)) (local.get $s4)))
            (local.set $s5 (f32x4.pmax (v128.load offset=80 (local.get $at)) (local.get $s5)))
            (br_if $places (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 4))) (local.get $end))))
          (local.set $at (i32.add (local.get $to) (local.get $c)))
          (v128.store (local.get $at) (local.get $s0))
          (v128.store offset=16 (local.get $at) (local.get $s1))
          (v128.store offset=32 (local.get $at) (local.get $s2))
          (v128.store offset=48 (local.get $at) (local.get $s3))
          (v128.store offset=64 (local.get $at) (local.get $s4))
          (v128.store offset=80 (local.get $at) (local.get $s5))
          (br_if $blocks (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 96))) (local.get $wide))))))
    (if (i32.lt_u (local.get $c) (local.get $row))
      (then
        (loop $blocks
          (local.set $s0 (local.get $floor))
          (local.set $s1 (local.get $floor))
          (local.set $s2 (local.get $floor))
          (local.set $s3 (local.get $floor))
          (local.set $entry (local.get $first))
          (loop $places
            (local.set $at (i32.add (i32.load (i32.load (local.get $entry))) (local.get $c)))
            (local.set $s0 (f32x4.pmax (v128.load (local.get $at)) (local.get $s0)))
            (local.set $s1 (f32x4.pmax (v128.load offset=16 (local.get $at)) (local.get $s1)))
            (local.set $s2 (f32x4.pmax (v128.load offset=32 (local.get $at)) (local.get $s2)))
            (local.set $s3 (f32x4.pmax (v128.load offset=48 (local.get $at)) (local.get $s3)))
            (br_if $places (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 4))) (local.get $end))))
          (local.set $at (i32.add (local.get $to) (local.get $c)))
          (v128.store (local.get $at) (local.get $s0))
          (v128.store offset=16 (local.get $at) (local.get $s1))
          (v128.store offset=32 (local.get $at) (local.get $s2))
          (v128.store offset=48 (local.get $at) (local.get $s3))
          (br_if $blocks (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 64))) (local.get $row)))))))

  ;; Numbers `columns` of rows behind pointers, four at a time each way: to[c * step + 4 * r] = rows[r][c].
  ;; What does not fill four is taken again with what is before it; with fewer than four rows, what is too many is
  ;; overwritten by the next column, or lies behind the last.
  (func $transpose (param $rows i32) (param $count i32) (param $to i32) (param $step i32) (param $columns i32)
    (local $r i32) (local $c i32) (local $lastRow i32) (local $last i32) (local $next i32) (local $put i32)
    (local $ra i32) (local $rb i32) (local $rc i32) (local $rd i32)
    (local $a v128) (local $b v128) (local $c01 v128) (local $c23 v128) (local $d01 v128) (local $d23 v128)
    (local.set $lastRow (select (i32.sub (local.get $count) (i32.const 4)) (i32.const 0) (i32.gt_s (local.get $count) (i32.const 4))))
    (local.set $last (select (i32.sub (local.get $columns) (i32.const 4)) (i32.const 0) (i32.gt_s (local.get $columns) (i32.const 4))))
    (loop $down
      (if (i32.gt_u (local.get $r) (local.get $lastRow)) (then (local.set $r (local.get $lastRow))))
      (local.set $next (i32.add (local.get $rows) (i32.shl (local.get $r) (i32.const 2))))
      (local.set $ra (i32.load (local.get $next)))
      (local.set $rb (i32.load offset=4 (local.get $next)))
      (local.set $rc (i32.load offset=8 (local.get $next)))
      (local.set $rd (i32.load offset=12 (local.get $next)))
      (local.set $put (i32.add (local.get $to) (i32.shl (local.get $r) (i32.const 2))))
      (local.set $c (i32.const 0))
      (loop $along
        (if (i32.gt_u (local.get $c) (local.get $last))
          (then
            (local.set $put (i32.sub (local.get $put) (i32.mul (i32.sub (local.get $c) (local.get $last)) (local.get $step))))
            (local.set $c (local.get $last))))
        (local.set $next (i32.shl (local.get $c) (i32.const 2)))
        (local.set $a (v128.load (i32.add (local.get $ra) (local.get $next))))
        (local.set $b (v128.load (i32.add (local.get $rb) (local.get $next))))
        (local.set $c01 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a) (local.get $b)))
        (local.set $c23 (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a) (local.get $b)))
        (local.set $a (v128.load (i32.add (local.get $rc) (local.get $next))))
        (local.set $b (v128.load (i32.add (local.get $rd) (local.get $next))))
        (local.set $d01 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a) (local.get $b)))
        (local.set $d23 (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a) (local.get $b)))
        (v128.store (local.get $put) (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $c01) (local.get $d01)))
        (v128.store (local.tee $put (i32.add (local.get $put) (local.get $step)))
          (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $c01) (local.get $d01)))
        (v128.store (local.tee $put (i32.add (local.get $put) (local.get $step)))
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $c23) (local.get $d23)))
        (v128.store (local.tee $put (i32.add (local.get $put) (local.get $step)))
          (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $c23) (local.get $d23)))
        (local.set $put (i32.add (local.get $put) (local.get $step)))
        (br_if $along (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 4))) (local.get $columns))))
      (br_if $down (i32.lt_u (local.tee $r (i32.add (local.get $r) (i32.const 4))) (local.get $count))))))
