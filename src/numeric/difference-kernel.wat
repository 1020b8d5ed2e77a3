;; What a removal changes, four numbers at a time: see difference-kernel.ts. After a change of this file:
;;   npm run kernel
;; All addresses are byte offsets; rows hold whole multiples of 16 numbers.
(module
  (memory (export "memory") 1)

  ;; Copies bytes.
  (func (export "copy") (param $to i32) (param $from i32) (param $bytes i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $bytes)))

  ;; sums[place] -= change[p] * weights[tap], for every (place, tap) of every p whose change is not zero.
  ;; starts: for every p where its pairs begin, and where the last one's end. A pair: offsets of a row in sums, in weights.
  (func (export "take")
    (param $change i32) (param $positions i32) (param $starts i32) (param $weights i32) (param $sums i32) (param $row i32)
    (local $last i32) (local $value f32) (local $times v128) (local $pair i32) (local $end i32)
    (local $to i32) (local $from i32) (local $stop i32)
    (local.set $last (i32.add (local.get $change) (i32.shl (local.get $positions) (i32.const 2))))
    (loop $each
      (local.set $value (f32.load (local.get $change)))
      (if (f32.ne (local.get $value) (f32.const 0))
        (then
          (local.set $times (f32x4.splat (local.get $value)))
          (local.set $pair (i32.load (local.get $starts)))
          (local.set $end (i32.load offset=4 (local.get $starts)))
          (block $none
            (loop $pairs
              (br_if $none (i32.ge_u (local.get $pair) (local.get $end)))
              (local.set $to (i32.add (local.get $sums) (i32.load (local.get $pair))))
              (local.set $from (i32.add (local.get $weights) (i32.load offset=4 (local.get $pair))))
              (local.set $stop (i32.add (local.get $to) (local.get $row)))
              (loop $vectors
                (v128.store (local.get $to)
                  (f32x4.sub (v128.load (local.get $to)) (f32x4.mul (local.get $times) (v128.load (local.get $from)))))
                (v128.store offset=16 (local.get $to)
                  (f32x4.sub (v128.load offset=16 (local.get $to)) (f32x4.mul (local.get $times) (v128.load offset=16 (local.get $from)))))
                (v128.store offset=32 (local.get $to)
                  (f32x4.sub (v128.load offset=32 (local.get $to)) (f32x4.mul (local.get $times) (v128.load offset=32 (local.get $from)))))
                (v128.store offset=48 (local.get $to)
                  (f32x4.sub (v128.load offset=48 (local.get $to)) (f32x4.mul (local.get $times) (v128.load offset=48 (local.get $from)))))
                (local.set $from (i32.add (local.get $from) (i32.const 64)))
                (br_if $vectors (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 64))) (local.get $stop))))
              (local.set $pair (i32.add (local.get $pair) (i32.const 8)))
              (br $pairs)))))
      (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
      (br_if $each (i32.lt_u (local.tee $change (i32.add (local.get $change) (i32.const 4))) (local.get $last)))))

  ;; out[w * windowStep + c * channelStep] = the largest of `least` and the numbers of channel c in the rows of window w,
  ;; for `row` bytes of channels, a multiple of 16. starts: for every window where its offsets begin, and where the last one's end.
  (func (export "gather")
    (param $sums i32) (param $starts i32) (param $windows i32) (param $row i32) (param $least f32)
    (param $out i32) (param $windowStep i32) (param $channelStep i32)
    (local $w i32) (local $c i32) (local $entry i32) (local $first i32) (local $end i32)
    (local $most v128) (local $floor v128) (local $to i32) (local $base i32)
    (local.set $floor (f32x4.splat (local.get $least)))
    (loop $each
      (local.set $first (i32.load (local.get $starts)))
      (local.set $end (i32.load offset=4 (local.get $starts)))
      (local.set $c (i32.const 0))
      (local.set $to (local.get $out))
      (loop $vectors
        (local.set $most (local.get $floor))
        (local.set $entry (local.get $first))
        (local.set $base (i32.add (local.get $sums) (local.get $c)))
        (loop $rows
          ;; the second unless the first is less: a number that is none stays one
          (local.set $most
            (f32x4.pmax (v128.load (i32.add (local.get $base) (i32.load (local.get $entry)))) (local.get $most)))
          (br_if $rows (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 4))) (local.get $end))))
        (v128.store32_lane 0 (local.get $to) (local.get $most))
        (local.set $to (i32.add (local.get $to) (local.get $channelStep)))
        (v128.store32_lane 1 (local.get $to) (local.get $most))
        (local.set $to (i32.add (local.get $to) (local.get $channelStep)))
        (v128.store32_lane 2 (local.get $to) (local.get $most))
        (local.set $to (i32.add (local.get $to) (local.get $channelStep)))
        (v128.store32_lane 3 (local.get $to) (local.get $most))
        (local.set $to (i32.add (local.get $to) (local.get $channelStep)))
        (br_if $vectors (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 16))) (local.get $row))))
      (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
      (local.set $out (i32.add (local.get $out) (local.get $windowStep)))
      (br_if $each (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 1))) (local.get $windows))))))
