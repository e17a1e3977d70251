Feature: Who comes again, and under which key
  Re-entry never behaves as expected, and an abandoned cart cannot wait for its purchase
  (mautic#7338, #7881, #16026, #16075; dittofeed#958, #1463).

  Scenario: A cart is reminded of until it is bought, each by its own key
    Given the sequence cart:
      """
      trigger: {event: cart_updated, key: cart_id, cancel: [purchase]}
      reentry: keyed
      steps:
        - {key: patience, wait: 4h}
        - {key: remind, email: basket}
      """
    And Ana and Bo are leads
    When Ana does cart_updated with cart_id 42
    And Bo does cart_updated with cart_id 7
    And Ana does purchase with cart_id 42
    And Bo does purchase with cart_id 8
    And 1 day passes
    Then Ana has got nothing
    And Bo has got basket
    When Bo does cart_updated with cart_id 7
    And 1 day passes
    Then Bo has 1 run through cart

  Scenario: An answer to one basket's email is none to the other's
    Given the sequence cart:
      """
      trigger: {event: cart_updated, key: cart_id}
      reentry: keyed
      returning: restart
      steps:
        - {key: remind, email: basket}
        - {key: back, wait_for: {event: click, of: remind, within: 2d, yes: way, no: way}}
        - key: way
          branch:
            cases: [{when: {did: click, where: {step: remind}}, to: thanks}]
            else: again
        - {key: thanks, email: thanks, next: end}
        - {key: again, email: again}
      """
    And Ana is a lead
    When Ana does cart_updated with cart_id 42
    And 2 hours pass
    And Ana does cart_updated with cart_id 7
    And 2 hours pass
    And Ana clicks in basket
    And 1 hour passes
    Then Ana has got basket, basket, thanks
    When 3 days pass
    Then Ana has got basket, basket, thanks, again

  Scenario: Who was there before does not come again, unless it is said
    Given the sequence course:
      """
      trigger: {event: signup}
      steps:
        - {key: case, email: case}
      """
    And Ana is a lead
    When Ana does signup
    And 60 days pass
    And Ana does signup
    And 1 day passes
    Then Ana has 1 run through course

  Scenario: A run that is restarted begins with the new event
    Given the sequence cart:
      """
      trigger: {event: cart_updated, key: cart_id, cancel: [purchase], while_active: restart}
      reentry: keyed
      steps:
        - {key: patience, wait: 4h}
        - {key: remind, email: basket}
      """
    And Ana is a lead
    When Ana does cart_updated with cart_id 42
    And 3 hours pass
    And Ana does cart_updated with cart_id 42
    And 3 hours pass
    Then Ana has got nothing
    When 2 hours pass
    Then Ana has got basket
    And Ana has 2 runs through cart

  Scenario: What is queued begins when the run ends
    Given the sequence course:
      """
      trigger: {event: signup, while_active: queue}
      reentry: one_at_a_time
      steps:
        - {key: case, email: case}
        - {key: rest, wait: 2d}
        - {key: offer, email: offer}
      """
    And Ana is a lead
    When Ana does signup
    And 1 day passes
    And Ana does signup
    Then Ana has 1 run through course
    When 2 days pass
    Then Ana has 2 runs through course
    When 10 days pass
    Then Ana has got case, offer

  Scenario: The purchase comes first, the cart late
    Given the sequence cart:
      """
      trigger: {event: cart_updated, key: cart_id, cancel: [purchase]}
      reentry: keyed
      steps:
        - {key: patience, wait: 4h}
        - {key: remind, email: basket}
      """
    And Ana is a lead
    When Ana does purchase with cart_id 42
    And Ana does cart_updated with cart_id 42, 1 hour ago
    And 1 day passes
    Then Ana has got nothing
